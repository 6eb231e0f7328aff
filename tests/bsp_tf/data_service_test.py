"""The command of the input service: what it refuses, and its port.

More in clips/input_service_test.py.
"""

import socket

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.data_service import start_server


def test_bad_arguments_are_named():
    with pytest.raises(InputError, match="--role=master"):
        start_server("master")
    for address in ("", "host", "grpc://host:1"):
        with pytest.raises(InputError, match=f"--dispatcher={address!r}"):
            start_server("worker", dispatcher=address)


def test_a_taken_port_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}"):
            start_server("dispatcher", port)


def test_a_free_port_is_found_and_returned():
    server, port = start_server("dispatcher")
    assert port > 0 and server.target == f"grpc://localhost:{port}"

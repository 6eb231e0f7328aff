"""Starts one process of the input service: other machines then decode.

    host0$ python -m bsp_tf.data_service --role=dispatcher --port=5050
    hostN$ python -m bsp_tf.data_service --role=worker --dispatcher=host0:5050 --host=hostN
    train$ python -m bsp_tf.pretrain ... --config.data.service=grpc://host0:5050

Workers need the record folder under the same path and can come and go while runs train. If the
dispatcher dies, runs make their batches themselves until it and its workers are started again.
There is no password: keep the ports inside your network. Ends with Ctrl-C or SIGTERM.
"""

import re
from collections.abc import Sequence

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError

FLAGS = flags.FLAGS

ROLES = ("dispatcher", "worker")


def start_server(role: str, port: int = 0, dispatcher: str = "", host: str = "localhost"):
    """Starts a dispatcher or a worker in this process.

    Args:
        role: "dispatcher" or "worker".
        port: to listen at; 0 for any free one.
        dispatcher: host:port; worker only.
        host: name under which the training machines reach this one; worker only.
    Returns:
        (server, which has `join()`, and its port).
    Raises:
        InputError: a bad role or address, or a port that is taken.
    """
    if role not in ROLES:
        raise InputError(f"--role={role}: choose one of {', '.join(ROLES)}.")
    if role == "worker" and not re.fullmatch(r"[^:/]+:\d+", dispatcher):
        raise InputError(f"--dispatcher={dispatcher!r}: give the dispatcher's host:port.")
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    import tensorflow as tf

    from bsp_tf.records.storage import add_file_systems

    service = tf.data.experimental.service
    add_file_systems()  # records may lie on S3
    try:
        if role == "dispatcher":
            server = service.DispatchServer(service.DispatcherConfig(port=port))
            return server, int(server.target.rsplit(":", 1)[1])
        # %port% is tf.data's word for the port that was free.
        server = service.WorkerServer(
            service.WorkerConfig(dispatcher, worker_address=f"{host}:%port%", port=port)
        )
        return server, port
    except (tf.errors.OpError, RuntimeError) as error:  # a taken port is the second
        raise InputError(
            f"cannot start the {role} at port {port}: {str(error).splitlines()[0]}. Is another "
            "process using the port? 0 takes any free one."
        ) from error


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("role", "", "dispatcher (one) or worker (many).")
    flags.DEFINE_integer("port", 0, "Port to listen at (0: any free one).")
    flags.DEFINE_string("dispatcher", "", "host:port of the dispatcher (workers only).")
    flags.DEFINE_string(
        "host", "localhost", "Name of this machine for the training machines (workers only)."
    )


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    server, port = start_server(FLAGS.role, FLAGS.port, FLAGS.dispatcher, FLAGS.host)
    print(f"{FLAGS.role} is ready" + (f" at port {port}" if port else ""))
    server.join()


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()

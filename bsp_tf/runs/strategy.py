"""One device, several, or several machines, and how a batch is split over the replicas.

The input stays one plain iterator a process, split here just before each step: so each worker can
start at any batch, and runs resume exactly under every strategy.
"""

import os
from typing import Any

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.runs.cluster import LOST_WORKER_ERRORS, WorkerLostError

STRATEGIES = ("one_device", "mirrored", "multi_worker")
# Jobs that share a machine get ports of their own; those of Linux's own choice begin at 32768.
SLURM_FIRST_PORT, SLURM_PORTS = 12000, 20000


def strategy_for(name: str) -> tf.distribute.Strategy:
    """The tf.distribute strategy called `name`.

    "one_device": TensorFlow's default placement (the first GPU, else the CPU). "mirrored": a copy
    of the model on every GPU, or on every logical CPU where there is no GPU. "multi_worker": the
    same on several machines, one process on each; call it before TensorFlow runs anything. It waits
    until all workers have come.

    Raises:
        InputError: unknown name, or "multi_worker" with neither TF_CONFIG nor Slurm's variables, or
            with a port that another process has.
        WorkerLostError: the workers did not come together.
    """
    if name == "one_device":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        return _multi_worker(cluster_resolver())
    raise InputError(f"unknown strategy {name!r}: choose one of {', '.join(STRATEGIES)}.")


def _multi_worker(
    resolver: tf.distribute.cluster_resolver.ClusterResolver,
) -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except tf.errors.OpError as error:
        # A barrier that fails because a worker is gone is an InternalError.
        if isinstance(error, LOST_WORKER_ERRORS) or "CoordinationService" in str(error):
            raise WorkerLostError(error) from error
        if not isinstance(error, tf.errors.UnknownError):
            raise
        own = resolver.cluster_spec().task_address(resolver.task_type, resolver.task_id)
        raise InputError(
            f"this worker cannot listen at its address {own} ({error.message}): another process "
            "has the port, perhaps a worker that has not ended yet. End it or take another port."
        ) from error


def cluster_resolver() -> tf.distribute.cluster_resolver.ClusterResolver:
    """Who the workers are: from TF_CONFIG if it is set, else from Slurm's variables (`srun`).

    Raises:
        InputError: neither is there, or TF_CONFIG cannot be understood.
    """
    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ:
        resolver = resolvers.TFConfigClusterResolver()
        try:
            workers = resolver.cluster_spec().as_dict().get("worker", [])
            known = (
                bool(workers) and resolver.task_type is not None and resolver.task_id is not None
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"the environment variable TF_CONFIG cannot be understood ({error})."
            ) from error
        if not known:
            raise InputError(
                'TF_CONFIG needs "cluster": {"worker": ["host:port", ...]} and '
                '"task": {"type": "worker", "index": N}.'
            )
        return resolver
    if "SLURM_PROCID" in os.environ:
        # Which GPUs a task sees is set by Slurm; the resolver wants as many as there are tasks.
        slurm = resolvers.SlurmClusterResolver(
            port_base=SLURM_FIRST_PORT + int(os.environ.get("SLURM_JOB_ID", "0")) % SLURM_PORTS,
            gpus_per_node=int(os.environ.get("SLURM_NTASKS", "1")),
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        cluster = slurm.cluster_spec()
        return resolvers.SimpleClusterResolver(
            cluster, task_type=slurm.task_type, task_id=slurm.task_id, rpc_layer="grpc"
        )
    raise InputError(
        "--strategy=multi_worker finds neither TF_CONFIG nor Slurm's variables: set TF_CONFIG in "
        "each process, or start them with srun."
    )


def check_batch_size(config, strategy: tf.distribute.Strategy) -> None:
    """Checks that a global batch splits into equal micro-batches, and these over the replicas.

    Raises:
        InputError: it does not, or the config asks for what several replicas cannot do.
    """
    batch_size, steps, replicas = (
        config.train.batch_size,
        config.train.accumulate_steps,
        strategy.num_replicas_in_sync,
    )
    parts = steps * replicas
    if batch_size < 1 or batch_size % parts:
        micro = f" in {steps} micro-batches" if steps > 1 else ""
        raise InputError(
            f"train.batch_size={batch_size} cannot be split over {replicas} replicas{micro}: use a "
            f"multiple of {parts}."
        )
    if config.train.jit and replicas > 1:
        raise InputError(
            f"train.jit needs one replica, here are {replicas}: inside a compiled step they cannot "
            "exchange statistics. Set train.jit=False."
        )


def global_sum(value: tf.Tensor) -> tf.Tensor:
    """The sum of `value` over all replicas; call it in a replica context."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)


def own_rows(batch: Any) -> Any:
    """This replica's rows of a batch that all replicas hold; call it in a replica context.

    Unlike `split_batch` it takes batches of any size: shares differ by one row at most and may be
    empty.

    Args:
        batch: Nested structure of tensors [B, ...].
    """
    replica = tf.distribute.get_replica_context()
    count = replica.num_replicas_in_sync
    if count == 1:
        return batch

    def rows(values: tf.Tensor) -> tf.Tensor:
        size, number = tf.shape(values)[0], replica.replica_id_in_sync_group
        return values[size * number // count : size * (number + 1) // count]

    return tf.nest.map_structure(rows, batch)


def split_batch(
    batch: dict[str, tf.Tensor], strategy: tf.distribute.Strategy, replicas_here: int
) -> dict:
    """Splits a worker's batch over its replicas: the r-th gets the r-th of equal consecutive parts.

    Args:
        batch: Tensors [B, ...] with B a multiple of `replicas_here`.
        strategy: The strategy whose `run` gets the result.
        replicas_here: Replicas of this process.

    Returns:
        The same structure, tensors for one replica, PerReplica values of [B / replicas_here, ...]
        otherwise.
    """
    if strategy.num_replicas_in_sync == 1:
        return batch
    parts = {key: tf.split(value, replicas_here) for key, value in batch.items()}
    return {
        key: strategy.experimental_distribute_values_from_function(
            lambda context, values=values: values[context.replica_id_in_sync_group % replicas_here]
        )
        for key, values in parts.items()
    }

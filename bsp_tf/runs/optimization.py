"""SGD as the TSM recipe needs it: torch's momentum, coupled weight decay, parameter groups.

Keras optimizers decouple `weight_decay` (AdamW style) and know no parameter groups, so the few
lines are here. One fused operation updates a variable; nothing is built per step but the scaled
gradients.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from bsp_tf.base.errors import InputError


@dataclasses.dataclass(frozen=True)
class ParameterGroup:
    """Factors on the run's learning rate and weight decay for one kind of parameter."""

    learning_rate_factor: float
    weight_decay_factor: float


# Keys are the roles that a model gives its variables (`TSM.parameter_roles`). "tsm": the groups of
# the TSM training code (mit-han-lab/temporal-shift-module, `get_optim_policies`). "plain": one
# learning rate, decay on kernels only.
PARAMETER_GROUPS: dict[str, dict[str, ParameterGroup]] = {
    "tsm": {
        "conv": ParameterGroup(1.0, 1.0),
        "bn": ParameterGroup(1.0, 0.0),
        "fc_kernel": ParameterGroup(5.0, 1.0),
        "fc_bias": ParameterGroup(10.0, 0.0),
    },
    "plain": {
        "conv": ParameterGroup(1.0, 1.0),
        "bn": ParameterGroup(1.0, 0.0),
        "fc_kernel": ParameterGroup(1.0, 1.0),
        "fc_bias": ParameterGroup(1.0, 0.0),
    },
}


def learning_rate_schedule(
    optimizer, steps_per_epoch: int, total_steps: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A pure function: number of finished steps, int64 [] -> learning rate, float32 [].

    Linear warm-up over `warmup_steps`: step s uses (s + 1) / warmup_steps of the rate. Then "step":
    x0.1 at every epoch of `boundaries`; or "cosine" (Loshchilov and Hutter 2017, without restarts):
    from the full rate at the end of the warm-up to 0 at `total_steps`.

    Args:
        optimizer: `config.optimizer` with learning_rate, schedule, boundaries, warmup_steps.
        steps_per_epoch: Steps of one epoch; turns `boundaries` into steps.
        total_steps: Steps of the whole run.

    Raises:
        InputError: unknown schedule, boundaries that are no epochs, or a warm-up that fills the
            run.
    """
    if optimizer.schedule not in ("step", "cosine"):
        raise InputError(
            f'optimizer.schedule is {optimizer.schedule!r}: choose "step" or "cosine".'
        )
    warmup = int(optimizer.warmup_steps)
    if warmup and warmup >= total_steps:
        raise InputError(
            f"optimizer.warmup_steps={warmup} leaves nothing of a run of {total_steps} steps: "
            "shorten it."
        )
    if not all(isinstance(epoch, int | float) and epoch > 0 for epoch in optimizer.boundaries):
        raise InputError(
            f"optimizer.boundaries={optimizer.boundaries} must be epochs above 0, such as (20, 40)."
        )
    boundaries = [float(epoch * steps_per_epoch) for epoch in optimizer.boundaries]

    def learning_rate(step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        factor = tf.constant(1.0)
        if optimizer.schedule == "cosine":
            progress = tf.clip_by_value((step - warmup) / (total_steps - warmup), 0.0, 1.0)
            factor = 0.5 * (1.0 + tf.cos(math.pi * progress))
        elif boundaries:
            passed = tf.reduce_sum(tf.cast(step >= tf.constant(boundaries), tf.float32))
            factor = tf.pow(0.1, passed)
        if warmup:
            factor *= tf.minimum(1.0, (step + 1.0) / warmup)
        return optimizer.learning_rate * factor

    return learning_rate


class MomentumOptimizer:
    """SGD with momentum in torch's form, for one device and for synchronous strategies.

    With gradient g (already clipped), weight w, buffer m (zero at first), group factors l and d:
        g <- g + weight_decay * d * w
        m <- momentum * m + g
        w <- w - learning_rate * l * (g + momentum * m  if nesterov else  m)
    (torch.optim.SGD with dampening 0.) The gradient-norm clip comes before the decay, as
    `clip_grad_norm_` between `backward()` and `step()` does in torch.

    Make it inside `strategy.scope()`.

    Attributes:
        buffers: The m of each variable, in their order; the whole state of the optimizer.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        groups: Sequence[ParameterGroup],
        *,
        momentum: float,
        nesterov: bool,
        weight_decay: float,
        clip_norm: float,
    ):
        """Makes one zero buffer a variable.

        Args:
            variables: Trainable variables, in the order of the gradients given to `apply`.
            groups: One a variable.
            momentum, nesterov, weight_decay: As in the formula above.
            clip_norm: Largest global norm of the summed gradient; 0 leaves it as it is.
        """
        self._variables = list(variables)
        self._groups = list(groups)
        self._momentum = momentum
        self._nesterov = nesterov
        self._weight_decay = weight_decay
        self._clip_norm = clip_norm
        self.buffers = [
            tf.Variable(tf.zeros_like(v), trainable=False, name="momentum") for v in self._variables
        ]

    def apply(
        self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor, skip_overflow: bool = False
    ) -> tf.Tensor:
        """One update. Call it in a replica context, with this replica's share of the gradient.

        The shares are summed here; clip and weight decay follow, so they count once whatever the
        number of replicas.

        Args:
            gradients: Float32, one a variable: gradient of (sum of this replica's losses) / (global
                batch).
            learning_rate: Float32 [].
            skip_overflow: Whether a gradient that is not finite leaves variables and buffers as
                they are.

        Returns:
            Global norm of the summed gradient before clipping, float32 [], the same in each
            replica.
        """
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync > 1:
            gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
        norm = tf.linalg.global_norm(gradients)
        if self._clip_norm:
            # torch's formula, 1e-6 included (torch.nn.utils.clip_grad_norm_).
            scale = tf.minimum(1.0, self._clip_norm / (norm + 1e-6))
            gradients = [gradient * scale for gradient in gradients]
        decayed = []
        for variable, group, gradient in zip(self._variables, self._groups, gradients, strict=True):
            decay = self._weight_decay * group.weight_decay_factor
            decayed.append(gradient + decay * variable if decay else gradient)
        usable = tf.math.is_finite(norm) if skip_overflow else None
        replica.merge_call(self._update_all, args=(decayed, learning_rate, usable))
        return norm

    def _update_all(
        self, strategy: tf.distribute.Strategy, gradients, learning_rate, usable
    ) -> None:
        """The same update on each replica's copy of each variable, if `usable` is true or None."""
        for variable, buffer, group, gradient in zip(
            self._variables, self.buffers, self._groups, gradients, strict=True
        ):

            def update(
                copy, buffer, gradient, learning_rate, usable, factor=group.learning_rate_factor
            ):
                def apply():
                    tf.raw_ops.ResourceApplyMomentum(
                        var=copy.handle,
                        accum=buffer.handle,
                        lr=learning_rate * factor,
                        grad=gradient,
                        momentum=self._momentum,
                        use_nesterov=self._nesterov,
                    )

                if usable is None:
                    apply()
                else:
                    tf.cond(usable, apply, lambda: None)

            arguments = (buffer, gradient, learning_rate, usable)
            strategy.extended.update(variable, update, args=arguments, group=False)


def optimizer_for(
    optimizer, variables: Mapping[str, tf.Variable], roles: Mapping[str, str]
) -> MomentumOptimizer:
    """The optimizer that `config.optimizer` describes.

    Args:
        optimizer: `config.optimizer` with momentum, nesterov, weight_decay, clip_norm,
            parameter_groups.
        variables: Name -> trainable variable.
        roles: Name -> role, for each of `variables` (`TSM.parameter_roles()`).

    Raises:
        InputError: unknown `parameter_groups`.
    """
    if optimizer.parameter_groups not in PARAMETER_GROUPS:
        raise InputError(
            f"optimizer.parameter_groups is {optimizer.parameter_groups!r}: choose one of "
            f"{', '.join(PARAMETER_GROUPS)}."
        )
    groups = PARAMETER_GROUPS[optimizer.parameter_groups]
    return MomentumOptimizer(
        list(variables.values()),
        [groups[roles[name]] for name in variables],
        momentum=optimizer.momentum,
        nesterov=optimizer.nesterov,
        weight_decay=optimizer.weight_decay,
        clip_norm=optimizer.clip_norm,
    )

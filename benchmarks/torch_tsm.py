"""TSM in PyTorch, channels last: the yardstick of `train_step`, as torchvision's networks."""

from typing import Any

NUM_FRAMES = 8
# Blocks of the four stages, and whether they are bottlenecks.
STAGES = {18: ((2, 2, 2, 2), False), 50: ((3, 4, 6, 3), True)}
# Expansion, channels, blocks, stride of the first block.
GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def shift(frames: Any) -> Any:
    """The temporal shift of a tensor [B * 8, C, H, W].

    The moved channels are written into one new tensor, as the TSM reference code does.
    """
    import torch

    fold = frames.shape[1] // 8
    clips = frames.unflatten(0, (-1, NUM_FRAMES))
    shifted = torch.zeros_like(clips)
    shifted[:, :-1, :fold] = clips[:, 1:, :fold]
    shifted[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
    shifted[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
    return shifted.flatten(0, 1)


def make_torch_tsm(depth: int, num_classes: int) -> Any:
    """TSM-ResNet: a torch.nn.Module, float32 [B * 8, 3, H, W] -> logits [B, num_classes].

    Its parameters are called as in torchvision's files.
    """
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, planes: int, stride: int, bottleneck: bool):
            super().__init__()
            outputs = planes * (4 if bottleneck else 1)
            plan = (
                [(inputs, planes, 1, 1), (planes, planes, 3, stride), (planes, outputs, 1, 1)]
                if bottleneck
                else [(inputs, planes, 3, stride), (planes, outputs, 3, 1)]
            )
            for number, (source, target, size, step) in enumerate(plan, start=1):
                setattr(
                    self,
                    f"conv{number}",
                    nn.Conv2d(source, target, size, step, size // 2, bias=False),
                )
                setattr(self, f"bn{number}", nn.BatchNorm2d(target))
            self.depth = len(plan)
            self.downsample = None
            if stride != 1 or inputs != outputs:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            outputs = shift(x)
            for number in range(1, self.depth + 1):
                outputs = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(outputs))
                if number < self.depth:
                    outputs = torch.relu_(outputs)
            return torch.relu_(outputs + (x if self.downsample is None else self.downsample(x)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            blocks, bottleneck = STAGES[depth]
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            width = 64
            for stage, count in enumerate(blocks):
                planes, layers = 64 * 2**stage, []
                for number in range(count):
                    layers.append(
                        Block(width, planes, 2 if stage and not number else 1, bottleneck)
                    )
                    width = planes * (4 if bottleneck else 1)
                setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            self.fc = nn.Linear(width, num_classes)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.max_pool2d(torch.relu_(self.bn1(self.conv1(x))), 3, 2, 1)
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(x.mean((2, 3))).unflatten(0, (-1, NUM_FRAMES)).mean(1)

    return Net().to(memory_format=torch.channels_last)


def make_torch_mobilenet_v2(num_classes: int) -> Any:
    """TSM-MobileNetV2 as `make_torch_tsm`; its parameters are called as in TSM's files."""
    import torch
    from torch import nn

    def convolution(inputs: int, outputs: int, size: int, stride: int, groups: int = 1) -> list:
        padding = size // 2
        conv = nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False)
        return [conv, nn.BatchNorm2d(outputs)]

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
            super().__init__()
            inside = inputs * expansion
            layers = []
            if expansion > 1:
                layers += [*convolution(inputs, inside, 1, 1), nn.ReLU6(inplace=True)]
            layers += [*convolution(inside, inside, 3, stride, inside), nn.ReLU6(inplace=True)]
            self.conv = nn.Sequential(*layers, *convolution(inside, outputs, 1, 1))
            self.residual = stride == 1 and inputs == outputs
            self.shifted = self.residual and expansion > 1

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            outputs = self.conv(shift(x) if self.shifted else x)
            return x + outputs if self.residual else outputs

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            layers = [nn.Sequential(*convolution(3, 32, 3, 2), nn.ReLU6(inplace=True))]
            channels = 32
            for expansion, outputs, count, stride in GROUPS:
                for number in range(count):
                    layers.append(Block(channels, outputs, 1 if number else stride, expansion))
                    channels = outputs
            layers.append(nn.Sequential(*convolution(channels, 1280, 1, 1), nn.ReLU6(inplace=True)))
            self.features = nn.Sequential(*layers)
            self.fc = nn.Linear(1280, num_classes)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            pooled = self.features(x).mean((2, 3))
            return self.fc(pooled).unflatten(0, (-1, NUM_FRAMES)).mean(1)

    return Net().to(memory_format=torch.channels_last)

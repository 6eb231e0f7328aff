"""TSM in PyTorch, channels last: the yardstick of `train_step`. Numerics of torchvision's ResNet
v1.5.
"""

from typing import Any

# Blocks of the four stages, and whether they are bottlenecks.
STAGES = {18: ((2, 2, 2, 2), False), 50: ((3, 4, 6, 3), True)}


def make_torch_tsm(depth: int, num_classes: int) -> Any:
    """A torch.nn.Module: float32 [B * 8, 3, H, W] -> logits [B, num_classes].

    Its parameters are called as in torchvision's files. The shift writes the moved channels into
    one new tensor, as the TSM reference code does.
    """
    import torch
    from torch import nn

    num_frames = 8

    def shift(frames: torch.Tensor) -> torch.Tensor:
        channels = frames.shape[1]
        fold = channels // 8
        clips = frames.unflatten(0, (-1, num_frames))
        shifted = torch.zeros_like(clips)
        shifted[:, :-1, :fold] = clips[:, 1:, :fold]
        shifted[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
        shifted[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
        return shifted.flatten(0, 1)

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
            return self.fc(x.mean((2, 3))).unflatten(0, (-1, num_frames)).mean(1)

    return Net().to(memory_format=torch.channels_last)

"""Wrong answers to the exercises of lesson 13, written as a learner would."""

import torch
from torch import nn
from torch.nn import functional as F


def _encoder(shape, a, b, Z, kernel=4, padding=1, act=nn.GELU, out=2, end=()):
    C, H, W = shape
    side = lambda n: (n + 2 * padding - kernel) // 2 + 1  # noqa: E731
    high, wide = side(side(H)), side(side(W))
    return nn.Sequential(
        nn.Conv2d(C, a, kernel, stride=2, padding=padding),
        act(),
        nn.Conv2d(a, b, kernel, stride=2, padding=padding),
        act(),
        nn.Flatten(),
        nn.Linear(b * high * wide, out * Z),
        *end,
    )


def _decoder(shape, a, b, Z, kernel=4, padding=1, act=nn.GELU, more=0, end=()):
    C, H, W = shape
    return nn.Sequential(
        nn.Linear(Z, b * (H // 4) * (W // 4)),
        act(),
        nn.Unflatten(1, (b, H // 4, W // 4)),
        nn.ConvTranspose2d(b, a, kernel, 2, padding, output_padding=more),
        act(),
        nn.ConvTranspose2d(a, C, kernel, 2, padding, output_padding=more),
        *end,
    )


class cnn:
    def right_as_modules(shape, a, b, Z):
        C, H, W = shape

        class Encoder(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Conv2d(C, a, 4, 2, 1)
                self.second = nn.Conv2d(a, b, 4, 2, 1)
                self.last = nn.Linear(b * H * W // 16, 2 * Z)

            def forward(self, x):
                x = F.gelu(self.second(F.gelu(self.first(x))))
                return self.last(x.flatten(1))

        class Decoder(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Linear(Z, b * H * W // 16)
                self.second = nn.ConvTranspose2d(b, a, 4, 2, 1)
                self.last = nn.ConvTranspose2d(a, C, 4, 2, 1)

            def forward(self, z):
                h = F.gelu(self.first(z)).view(-1, b, H // 4, W // 4)
                return self.last(F.gelu(self.second(h)))

        return Encoder(), Decoder()

    def right_activation_after_unflatten(shape, a, b, Z):
        C, H, W = shape
        decoder = nn.Sequential(
            nn.Linear(Z, b * (H // 4) * (W // 4)),
            nn.Unflatten(1, (b, H // 4, W // 4)),
            nn.GELU(),
            nn.ConvTranspose2d(b, a, 4, 2, 1),
            nn.GELU(),
            nn.ConvTranspose2d(a, C, 4, 2, 1),
        )
        return _encoder(shape, a, b, Z), decoder

    def right_with_lazy_layers(shape, a, b, Z):
        encoder = nn.Sequential(
            nn.LazyConv2d(a, 4, 2, 1),
            nn.GELU(),
            nn.LazyConv2d(b, 4, 2, 1),
            nn.GELU(),
            nn.Flatten(),
            nn.LazyLinear(2 * Z),
        )
        return encoder, _decoder(shape, a, b, Z)

    def padding_forgotten(shape, a, b, Z):
        return _encoder(shape, a, b, Z, padding=0), _decoder(shape, a, b, Z, padding=0)

    def kernel_three(shape, a, b, Z):
        return _encoder(shape, a, b, Z, 3), _decoder(shape, a, b, Z, 3, more=1)

    def one_number_each(shape, a, b, Z):
        return _encoder(shape, a, b, Z, out=1), _decoder(shape, a, b, Z)

    def channels_swapped(shape, a, b, Z):
        return _encoder(shape, b, a, Z), _decoder(shape, b, a, Z)

    def linear_encoder(shape, a, b, Z):
        return _encoder(shape, a, b, Z, act=nn.Identity), _decoder(shape, a, b, Z)

    def activation_on_code(shape, a, b, Z):
        return _encoder(shape, a, b, Z, end=[nn.GELU()]), _decoder(shape, a, b, Z)

    def sides_swapped(shape, a, b, Z):
        C, H, W = shape
        return _encoder(shape, a, b, Z), _decoder((C, W, H), a, b, Z)

    def linear_decoder(shape, a, b, Z):
        return _encoder(shape, a, b, Z), _decoder(shape, a, b, Z, act=nn.Identity)

    def activation_on_pixels(shape, a, b, Z):
        return _encoder(shape, a, b, Z), _decoder(shape, a, b, Z, end=[nn.GELU()])

    def sigmoid_at_the_end(shape, a, b, Z):
        return _encoder(shape, a, b, Z), _decoder(shape, a, b, Z, end=[nn.Sigmoid()])

    def also_wrong_another_activation(shape, a, b, Z):
        return _encoder(shape, a, b, Z, act=nn.ReLU), _decoder(shape, a, b, Z)

    def also_wrong_networks_exchanged(shape, a, b, Z):
        return _decoder(shape, a, b, Z), _encoder(shape, a, b, Z)


class test_set_error:
    def right_picture_by_picture(model, x, batch):
        was = model.training
        model.train(False)
        errors = [F.mse_loss(model(one[None]), one[None]).item() for one in x]
        model.train(was)
        return sum(errors) / len(errors)

    def right_weighted(model, x, batch):
        mode = model.training
        model.eval()
        total = 0.0
        with torch.no_grad():
            for part in x.split(batch):
                total += F.mse_loss(model(part), part) * len(part)
        model.train(mode)
        return total / len(x)

    def still_training(model, x, batch):
        total = 0.0
        with torch.no_grad():
            for part in x.split(batch):
                total += ((model(part) - part) ** 2).sum()
        return total / x.numel()

    def mean_of_means(model, x, batch):
        was = model.training
        model.eval()
        parts = x.split(batch)
        with torch.no_grad():
            total = sum(F.mse_loss(model(part), part) for part in parts)
        model.train(was)
        return total / len(parts)

    def left_evaluating(model, x, batch):
        model.eval()
        with torch.no_grad():
            return F.mse_loss(model(x), x)

    def always_training(model, x, batch):
        model.eval()
        with torch.no_grad():
            error = F.mse_loss(model(x), x)
        model.train()
        return error

    def mean_of_means_left(model, x, batch):
        model.eval()
        parts = x.split(batch)
        with torch.no_grad():
            return sum(F.mse_loss(model(part), part) for part in parts) / len(parts)

    def sum_for_mean(model, x, batch):
        was = model.training
        model.eval()
        with torch.no_grad():
            total = sum(((model(p) - p) ** 2).sum() for p in x.split(batch))
        model.train(was)
        return total

    def per_picture(model, x, batch):
        was = model.training
        model.eval()
        with torch.no_grad():
            total = sum(((model(p) - p) ** 2).sum() for p in x.split(batch))
        model.train(was)
        return total / len(x)


class seen_by_one:
    def right_from_the_end(layers):
        size = 1
        for kernel, stride in reversed(layers):
            size = (size - 1) * stride + kernel
        return size

    def right_as_a_sum(layers):
        size = 1
        for i, (kernel, _) in enumerate(layers):
            jump = 1
            for _, stride in layers[:i]:
                jump *= stride
            size += (kernel - 1) * jump
        return torch.tensor(size)

    def strides_forgotten(layers):
        return 1 + sum(kernel - 1 for kernel, _ in layers)

    def kernels_multiplied(layers):
        size = 1
        for kernel, _ in layers:
            size *= kernel
        return size

    def own_stride(layers):
        size, jump = 1, 1
        for kernel, stride in layers:
            jump *= stride
            size += (kernel - 1) * jump
        return size

    def last_stride_only(layers):
        size, jump = 1, 1
        for kernel, stride in layers:
            size += (kernel - 1) * jump
            jump = stride
        return size

    def whole_kernel(layers):
        size, jump = 1, 1
        for kernel, stride in layers:
            size += kernel * jump
            jump *= stride
        return size

    def from_the_end(layers):
        size, jump = 1, 1
        for kernel, stride in layers[::-1]:
            size += (kernel - 1) * jump
            jump *= stride
        return size

"""Dynamic int8 for the attention and feed-forward of the CFM decoder, on a CPU."""

from torch import nn
from torch.ao.nn.quantized.dynamic import Linear
from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic


class Int8(Linear):
    """Takes and gives any floating type: the decoder around it may be cast later."""

    def forward(self, x):
        return super().forward(x.float()).to(x.dtype)


def quantise_blocks(estimator):
    """Quantise the linears of every transformer block by channel, in place.

    Those of the residual blocks stay: they shift all frames alike by the time embedding.
    """
    for block in list(estimator.modules()):
        if type(block).__name__ == "BasicTransformerBlock":
            quantize_dynamic(
                block,
                {nn.Linear: per_channel_dynamic_qconfig},
                mapping={nn.Linear: Int8},
                inplace=True,
            )

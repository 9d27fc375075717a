"""Discriminators, one kind a file.

A discriminator is a public Flax module of a file of this folder:

    class Name(nn.Module):
      dtype: the dtype of the computation; parameters stay float32
      axis_name: mesh axis over which batch norm synchronises, where it has any
      batch_norm: whether it mixes the examples of a batch, where it has any
      __call__(image, *, train=False) -> logits

`image` is (N, H, W, 3) float in [0, 1]; `logits` are float32, positive for real: (N,),
or (N, h, w, 1) from a discriminator that judges patches or pixels. No sigmoid inside:
losses take logits of either shape, and their means are over all of them.
`jsr.models.build_discriminator` finds the class by its name.
"""

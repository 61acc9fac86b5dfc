"""Pictures: data sets as bytes in memory, and the files that pictures come from and go to.

`datasets` loads by name (Fashion-MNIST, a folder, a ZIP, CelebA, LSUN); `images` is the one opener of picture files;
`sampler`, `cutout` and `augment` are steps on the way to a minibatch; `sheets` writes. `cutout_net` cuts garments out
of photographs by a trained net, `cutout` out of plain grounds by a flood fill. May import the ground only (errors,
files, limits): it knows no GAN, no recipe class, no loop and no page.
"""

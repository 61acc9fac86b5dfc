"""How the net that cuts garments out of photographs is trained: `data.unet` is the net, `data.cutout_net` its use.

`scenes` turns photographs and places garments, `composites` lays them on other grounds with exact alpha, `pretrained`
gives the net its first weights, `fit` is the loop and its command line. May import the ground, data, and of gans the
frozen net that those weights come from; whoever only cuts out pictures needs nothing from here.
"""

"""How the net that cuts garments out of photographs is trained: `data.cutout_net` is the net, and how it is used.

`scenes` turns photographs and places garments, `composites` lays them on other grounds with exact alpha, `fit` is the
loop and its command line. May import the ground and data; whoever only cuts out pictures needs nothing from here.
"""

"""How different two colors look."""

import torch
from torch import Tensor


def ciede2000(one: Tensor, other: Tensor) -> Tensor:
    """CIEDE2000 between L*a*b* colors (..., 3): about 1 is the least that is seen side by side.

    Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula", eqs. 2 to 22.
    """
    (l1, a1, b1), (l2, a2, b2) = one.double().unbind(-1), other.double().unbind(-1)
    c_mean = (torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2
    g = 0.5 * (1 - (c_mean**7 / (c_mean**7 + 25.0**7)).sqrt())
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = (torch.rad2deg(torch.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    gray = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    turn = torch.where((h2 - h1).abs() == 180, h2 - h1, turn)
    turn = torch.where(gray, torch.zeros_like(turn), turn)
    d_h = 2 * (c1 * c2).sqrt() * torch.sin(torch.deg2rad(turn / 2))
    far = (h1 - h2).abs() > 180
    h = torch.where(far, (h1 + h2 + torch.where(h1 + h2 < 360, 360.0, -360.0)) / 2, (h1 + h2) / 2)
    h = torch.where(gray, h1 + h2, h)
    light, c = (l1 + l2) / 2, (c1 + c2) / 2

    def cos(degrees: Tensor) -> Tensor:
        return torch.cos(torch.deg2rad(degrees))

    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.20 * cos(4 * h - 63)
    s_l = 1 + 0.015 * (light - 50) ** 2 / (20 + (light - 50) ** 2).sqrt()
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    turned = torch.sin(2 * torch.deg2rad(30 * torch.exp(-(((h - 275) / 25) ** 2))))
    r_t = -2 * (c**7 / (c**7 + 25.0**7)).sqrt() * turned
    l_, c_, h_ = (l2 - l1) / s_l, (c2 - c1) / s_c, d_h / s_h
    return (l_**2 + c_**2 + h_**2 + r_t * c_ * h_).sqrt()

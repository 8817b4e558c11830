"""AlexNet, VGG, GoogLeNet, Inception V3, Xception, ResNet, SE-ResNet, DenseNet, U-Net, RegNet, GhostNet."""

from __future__ import annotations

from typing import Any

ERRATA = {
    "alexnet": "720M",
    "densenet": "",
    "ghostnet": "226M",
    "googlenet": "1448M 1500M 1550M 6.8M 34M 54M 2.7K 112K 159K 380K 364K 437K 463K 580K 840K 1072K 1388K 1000K",
    "inception_v3": "23626728 23851784 23.2M 5000M",
    "regnet": "",
    "resnet": "14.7B 25636712 44707176 60419944",
    "se_resnet50": "",
    "unet": "",
    "vgg": "15.3G 15300M",
    "xception": "",
}
HALVED = {"ghostnet": 5}
SMALL: dict[str, dict[str, Any]] = {
    "alexnet": {"alpha": 0.05, "resolution": 67, "classes": 7},
    "densenet": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "ghostnet": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "googlenet": {"alpha": 0.07, "resolution": 47, "classes": 7},
    "inception_v3": {"alpha": 0.05, "resolution": 75, "classes": 7},
    "regnet": {"alpha": 0.2, "resolution": 33, "classes": 7},
    "resnet": {"variant": 18, "alpha": 0.05, "resolution": 33, "classes": 7},
    "se_resnet50": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "unet": {"width": 3, "resolution": 32},
    "vgg": {"variant": 11, "alpha": 0.05, "resolution": 33, "classes": 7},
    "xception": {"alpha": 0.05, "resolution": 33, "classes": 7},
}

"""What one detector came to in one window, as it is written down and shown."""

from typing import Literal, TypeAlias

import msgspec

from trueup.monitoring.detectors.port import Firing

Standing: TypeAlias = Literal["calibrated", "promised", "uncalibrated", "refused", "failed"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one detector came to in a window. By itself only a claimed one alarms."""

    detector: str
    standing: Standing
    fired: bool = False  # its own verdict
    significant: bool = False  # above the threshold of the panel
    score: float = 0.0  # the highest, in standard deviations of the reference's windows
    at: float = 0.0
    strongest: str = ""
    says: tuple[str, ...] = ()
    firings: tuple[Firing, ...] = ()

    @property
    def counts(self) -> bool:
        """Say whether it counts towards an alarm of its own, without being named by a policy."""
        if self.standing == "promised":
            return self.fired
        return self.standing == "calibrated" and self.significant

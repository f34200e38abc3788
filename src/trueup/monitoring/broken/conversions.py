"""Units that get mixed up: by what factor and offset a number changes with its unit."""

from math import inf

import msgspec


class Conversion(msgspec.Struct, frozen=True):
    """A number becomes ``factor`` times itself and ``offset``."""

    factor: float
    offset: float
    says: str
    least: float = -inf  # numbers in the first unit are at least and at most this
    most: float = inf

    def back(self) -> "Conversion":
        """Return what undoes it."""
        old, new = self.says.split(" to ")
        least, most = (self.factor * each + self.offset for each in (self.least, self.most))
        offset = -self.offset / self.factor
        return Conversion(1 / self.factor, offset, f"{new} to {old}", least, most)


_ONE_WAY = (
    Conversion(60.0, 0.0, "minutes to seconds"),
    Conversion(3600.0, 0.0, "hours to seconds"),
    Conversion(24.0, 0.0, "days to hours"),
    Conversion(1440.0, 0.0, "days to minutes"),
    Conversion(86400.0, 0.0, "days to seconds"),
    Conversion(10.0, 0.0, "centimetres to millimetres"),
    Conversion(100.0, 0.0, "shares to per cent"),
    Conversion(1e3, 0.0, "units to thousandths"),
    Conversion(1024.0, 0.0, "kibibytes to bytes"),
    Conversion(1e6, 0.0, "units to millionths"),
    Conversion(1024.0**2, 0.0, "mebibytes to bytes"),
    Conversion(1e9, 0.0, "units to billionths"),
    Conversion(25.4, 0.0, "inches to millimetres"),
    Conversion(2.54, 0.0, "inches to centimetres"),
    Conversion(12.0, 0.0, "feet to inches"),
    Conversion(1 / 0.3048, 0.0, "metres to feet"),
    Conversion(1.609344, 0.0, "miles to kilometres"),
    Conversion(1609.344, 0.0, "miles to metres"),
    Conversion(1.852, 0.0, "knots to kilometres per hour"),
    Conversion(1 / 0.514444, 0.0, "metres per second to knots"),
    Conversion(3.6, 0.0, "metres per second to kilometres per hour"),
    Conversion(1 / 0.44704, 0.0, "metres per second to miles per hour"),
    Conversion(1 / 0.45359237, 0.0, "kilograms to pounds"),
    Conversion(28.349523, 0.0, "ounces to grams"),
    Conversion(3.785411784, 0.0, "gallons to litres"),
    Conversion(33.863886, 0.0, "inches of mercury to hectopascals"),
    Conversion(1 / 0.750062, 0.0, "millimetres of mercury to hectopascals"),
    Conversion(4.184, 0.0, "calories to joules"),
    Conversion(1.8, 32.0, "degrees Celsius to Fahrenheit", -60, 60),
    Conversion(1.0, 273.15, "degrees Celsius to kelvin", -60, 60),
    Conversion(5 / 9, 255.372222, "degrees Fahrenheit to kelvin", -76, 140),
    Conversion(57.29577951308232, 0.0, "radians to degrees"),
)
CONVERSIONS = (*_ONE_WAY, *(one.back() for one in _ONE_WAY))

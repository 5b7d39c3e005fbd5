"""Check digits by schemes that several numbers share; without separators, in capitals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

_FIRST_BORN = 1900


def luhn(number: str) -> bool:
    """Check digits by Luhn's formula (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(map(int, number[-1::-2])) + sum(doubled)) % 10 == 0


def mod_97(number: str) -> bool:
    """Check letters and digits by ISO/IEC 7064 MOD 97-10, letters being 10 to 35.

    >>> mod_97("3214282912345698765432161182")
    True
    """
    return int("".join(str(int(sign, 36)) for sign in number)) % 97 == 1


def mod_11_10(number: str) -> bool:
    """Check digits by ISO/IEC 7064 MOD 11,10, as Germany's tax number has it.

    >>> mod_11_10("86095742719"), mod_11_10("86095742718")
    (True, False)
    """
    product = 10
    for digit in number[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (product + int(number[-1])) % 10 == 1


def verhoeff(number: str) -> bool:
    """Check digits by Verhoeff's scheme on the dihedral group of ten (1969), as Aadhaar has it.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = _dihedral(check, _permuted(int(digit), place))
    return check == 0


def weighted(digits: str, weights: Iterable[int]) -> int:
    """Sum digits by weights; letters count 10 to 35.

    >>> weighted("12A", (3, 2, 1))
    17
    """
    return sum(int(digit, 36) * weight for digit, weight in zip(digits, weights, strict=True))


def is_date(year: str, month: str, day: str) -> bool:
    """Tell whether somebody who lives can have been born then.

    >>> is_date("1949", "12", "31"), is_date("1949", "02", "30"), is_date("1849", "12", "31")
    (True, False, False)
    """
    try:
        born = date(int(year), int(month), int(day))
    except ValueError:
        return False
    return date(_FIRST_BORN, 1, 1) <= born <= date.today()


def _dihedral(one: int, other: int) -> int:
    """Multiply in the group of a pentagon's five turns (0 to 4) and five mirrored ones (5 to 9)."""
    turn = (one - other if one >= 5 else one + other) % 5
    return turn + 5 * ((one >= 5) != (other >= 5))


def _permuted(digit: int, times: int) -> int:
    for _ in range(times % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit

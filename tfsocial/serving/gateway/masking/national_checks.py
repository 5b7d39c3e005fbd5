"""Which numbers each country can have given to a person; capitals, without separators."""

from __future__ import annotations

from tfsocial.serving.gateway.masking.check_digits import is_date, weighted

_GB11643_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_GB11643_CHECKS = "10X98765432"
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_SIGNS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_TAIWAN_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # 10 to 35
# Of A to Z; 0 to 9 have the values of A to J.
_ODD = "1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23"
_ODD_PLACES = tuple(map(int, _ODD.split()))


def china(number: str) -> bool:
    """Check a Chinese resident's number: its date, and modulo 11 (GB 11643-1999).

    >>> china("11010519491231002X"), china("110105194912310021")
    (True, False)
    """
    check = _GB11643_CHECKS[weighted(number[:17], _GB11643_WEIGHTS) % 11]
    return check == number[17] and is_date(number[6:10], number[10:12], number[12:14])


def hong_kong(number: str) -> bool:
    """Check Hong Kong's number by modulo 11; before a lone letter a space counts 36.

    >>> hong_kong("A1234563"), hong_kong("A1234564")
    (True, False)
    """
    spaces = 9 - len(number)
    return (sum((36 * 9,) * spaces) + weighted(number, range(9 - spaces, 0, -1))) % 11 == 0


def taiwan(number: str) -> bool:
    """Check Taiwan's number: a letter and nine digits by modulo 10.

    >>> taiwan("A123456789"), taiwan("A123456788")
    (True, False)
    """
    digits = f"{_TAIWAN_LETTERS.index(number[0]) + 10}{number[1:]}"
    return weighted(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10 == 0


def south_korea(number: str) -> bool:
    """Check South Korea's number: its date, and modulo 11, which those of after 2020 lack.

    >>> south_korea("8001011234560"), south_korea("8001011234561")
    (True, False)
    """
    century = "19" if number[6] in "12" else "20"
    check = (11 - weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return str(check) == number[12] and is_date(century + number[:2], number[2:4], number[4:6])


def united_states(number: str) -> bool:
    """Tell whether the USA gives such a social security or taxpayer number (SSA, IRS).

    >>> united_states("123456789"), united_states("666456789"), united_states("987654321")
    (True, False, True)
    """
    area, group, serial = number[:3], number[3:5], number[5:]
    if area in ("000", "666") or group == "00" or serial == "0000":
        return False
    return area < "900" or group >= "50"


def spain(number: str) -> bool:
    """Check Spain's DNI or NIE: a letter by modulo 23.

    >>> spain("12345678Z"), spain("X1234567L"), spain("12345678A")
    (True, True, False)
    """
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(digits) % 23] == number[-1]


def france(number: str) -> bool:
    """Check France's social security number: 97 less the rest by 97; Corsica is 19 and 18.

    >>> france("255081416802538"), france("255081416802539")
    (True, False)
    """
    digits = number[:-2].replace("2A", "19").replace("2B", "18")
    return 97 - int(digits) % 97 == int(number[-2:])


def italy(number: str) -> bool:
    """Check Italy's tax code: a letter by modulo 26, odd places having values of their own.

    >>> italy("RSSMRA85T10A562S"), italy("RSSMRA85T10A562T")
    (True, False)
    """
    values = [int(sign) if sign.isdigit() else int(sign, 36) - 10 for sign in number]
    total = sum(_ODD_PLACES[value] for value in values[:-1:2]) + sum(values[1:-1:2])
    return total % 26 == values[-1]


def finland(number: str) -> bool:
    """Check Finland's number: a sign by modulo 31.

    >>> finland("131052308T"), finland("131052308U")
    (True, False)
    """
    return _HETU_SIGNS[int(number[:9]) % 31] == number[9]


def brazil(number: str) -> bool:
    """Check Brazil's CPF: two digits by modulo 11; eleven alike are nobody's.

    >>> brazil("52998224725"), brazil("52998224726"), brazil("11111111111")
    (True, False, False)
    """
    first = weighted(number[:9], range(1, 10)) % 11 % 10
    second = weighted(number[:10], range(10)) % 11 % 10
    return number[9:] == f"{first}{second}" and len(set(number)) > 1


def poland(number: str) -> bool:
    """Check Poland's PESEL by modulo 10.

    >>> poland("44051401359"), poland("44051401358")
    (True, False)
    """
    return weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def netherlands(number: str) -> bool:
    """Check the Netherlands' BSN by modulo 11.

    >>> netherlands("111222333"), netherlands("111222334")
    (True, False)
    """
    return weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0

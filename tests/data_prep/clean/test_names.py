"""Names of people, as lists of different makers write them."""

import pytest

from data_prep.clean.names import comparable, read_test_people


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé_Knowles", "beyonce knowles"),
        ("Robert Downey Jr.", "robert_downey_jr"),
        ("Al-Sharif", "Al_Sharif"),
        ("Shaquille O'Neal", "Shaquille_ONeal"),
        ("  José   Mourinho", "Jose\u0301_Mourinho"),
        ("STRASSE", "straße"),
    ],
)
def test_the_same_person(one, other):
    assert comparable(one) == comparable(other) != ""


def test_other_people_stay_apart():
    assert comparable("Tom Hardy") != comparable("Tom Hanks")
    assert comparable("张伟") == "张伟"
    assert comparable("_-.") == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Tom Cruise\n# a comment\nBill_Gates # the founder\n\n", ["Tom Cruise", "Bill_Gates"]),
        ("10\n601\nAbel_Pacheco\t4\nZico\t3\n555\nAdel_Al\t1\n", "Abel_Pacheco Zico Adel_Al"),
        ("10\t300\nAbel_P\t1\t4\nAna_B\t1\tBob_C\t2\n", "Abel_P Ana_B Bob_C"),
        ("Abel_P/Abel_P_0001.jpg\nAbel_P/Abel_P_0004.jpg\nZico/Zico_0002.jpg", "Abel_P Zico"),
        ("Ingrid_B_1.jpg 1\nIngrid_B_2.jpg 1\r\nJon_W_1.jpg 0\r\n", "Ingrid_B Jon_W"),
        ("Daniel_R/Daniel_R_14684.jpg 1.png\nDaniel_R/Daniel_R_2.jpg 3.png\n", "Daniel_R"),
        ("#rules\nAaron_E_136.png\nAaron_E_221.png\nAdam_M_468.png\n", "Aaron_E Adam_M"),
        ("375/37531198@N00/4174611825_0.jpg\n", "37531198@N00"),
        ("0000045\n0000099\n", "0000045 0000099"),
        ("m.0_0zl\nm.0107_f\n", "m.0_0zl m.0107_f"),
        ("10 300\nAbel_P 1 4\nAna_B 1 Bob_C 2\n", "Abel_P Ana_B Bob_C"),
        ("Abel P\t1\t4\nAna B\t1\tBob C\t2\n", ["Abel P", "Ana B", "Bob C"]),
        ("A_P/A_P_1.jpg Bo/Bo_2.jpg 0\nCy_1.png Cy_2.png 1\n", "A_P Bo Cy"),
        ("A_P/A_P_1.jpg\tBo/Bo_2.jpg\t0\n", "A_P Bo"),
        (
            "A_P/A_P_1.jpg Bo/Bo_2.jpg -1\nCy/1.jpg Di/2.png\nEd_1.jpg Fy_2.jpg 1.0\n",
            "A_P Bo Cy Di Ed Fy",
        ),
        (
            "1 A/1.jpg Bo/2.jpg\n0\t7.0\tCy/1.jpg\tDi/2.jpg\t1\t0\nEd/1.jpg,0002/1.jpg,1\n",
            "A Bo Cy Di Ed 0002",
        ),
        ("Ana B/1.jpg Bo C/2.jpg 1\n", ["Ana B", "Bo C"]),
        ("Ben_A\t12\thttp://x.org/a/b.jpg\t1,2,3,4\n", "Ben_A"),
        ("Mary Jane 7\nJohn Paul 1\nBlink 182\n", ["Mary Jane 7", "John Paul 1", "Blink 182"]),
        ("lfw\\Ana_B\\Ana_B_0001.jpg 1.5 2.5\n", "Ana_B"),
    ],
)
def test_layouts(tmp_path, text, names):
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode())
    found = read_test_people(path)
    assert [name for name, _ in found.values()] == (names.split() if type(names) is str else names)


def test_lines_are_those_of_the_file(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# head\n\nTom\t3\nAna\t1\tBob\t2\nTom\t1\t2\n")
    assert read_test_people(path) == {"tom": ("Tom", 3), "ana": ("Ana", 4), "bob": ("Bob", 4)}


def test_nobody(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# nobody\n10\t300\n")
    with pytest.raises(ValueError, match=r"list\.txt: expected names of people, found none"):
        read_test_people(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="byte 0"):
        read_test_people(path)

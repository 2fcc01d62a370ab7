"""What the deploy script says of an account's limit of Lambda."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from account_limits import said  # noqa: E402


def text(limit, *parameters):
    lines, fits = said(limit, limit, ["Architecture=arm64", *parameters])
    return "\n".join(lines), fits


class AccountLimits(unittest.TestCase):
    def test_a_new_account_hears_what_ten_means_and_is_deployed_to(self):
        told, fits = text(10)
        self.assertTrue(fits)
        self.assertIn("runs 10 functions at once", told)
        self.assertIn("L-B99A9384", told)

    def test_a_reservation_that_aws_would_refuse_is_refused_before_anything_is_built(self):
        for limit, parameters in (
            (10, ["NodeConcurrency=5"]),
            (10, ["DoorConcurrency=1"]),
            (1000, ["NodeConcurrency=900", "DoorConcurrency=1"]),
        ):
            told, fits = text(limit, *parameters)
            self.assertFalse(fits, told)
        told, fits = text(1000, "NodeConcurrency=850", "DoorConcurrency=10")
        self.assertTrue(fits, told)
        self.assertIn("850 nodes run at once", told)

    def test_what_it_proposes_fits(self):
        told, fits = text(1000)
        self.assertTrue(fits)
        proposed = told.split('PARAMETERS="')[1].split('"')[0].split()
        self.assertTrue(said(1000, 1000, proposed)[1])


if __name__ == "__main__":
    unittest.main()

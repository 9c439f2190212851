"""The rules catch what they are for, on a small house made here."""

import tempfile
import unittest
from pathlib import Path

import house


class Rules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("cmake/CeilingRoom.cmake", "set(CEILING_ROOMS base os model lab cli)\nset(CEILING_LAB_ROOMS plan run)\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def fault(self, path, text):
        """The one fault of a house that holds only this file, or ''."""
        self.write(path, text)
        found = house.broken_rules(self.root)
        (self.root / path).unlink()
        self.assertLessEqual(len(found), 1)
        return "".join(found)

    def test_imports_to_the_left_are_fine(self):
        self.assertEqual(self.fault("src/model/a.cc", '#include "base/x.h"\n#include "model/y.h"\n'), "")
        self.assertEqual(self.fault("src/cli/a.cc", '#include <CLI/CLI.hpp>\n#include "os/x.h"\n'), "")

    def test_an_import_to_the_right_is_named_with_its_line(self):
        fault = self.fault("src/os/linux/a.cc", '#include "base/x.h"\n#include "model/y.h"\n')
        self.assertIn("src/os/linux/a.cc:2", fault)
        self.assertIn("may not import 'model'", fault)

    def test_rooms_must_be_known(self):
        self.assertIn("no room", self.fault("src/attic/a.h", ""))
        self.assertIn("'attic' is no room", self.fault("src/base/a.h", '#include "attic/b.h"\n'))
        self.assertIn("without its room", self.fault("src/base/a.h", '#include "b.h"\n'))

    def test_rooms_within_a_room(self):
        self.assertEqual(self.fault("src/lab/run/a.cc", '#include "base/x.h"\n#include "lab/plan/y.h"\n'), "")
        self.assertIn("may not import 'run'", self.fault("src/lab/plan/a.cc", '#include "lab/run/y.h"\n'))
        self.assertIn("names none of the rooms", self.fault("src/lab/plan/a.cc", '#include "lab/y.h"\n'))
        self.assertIn("stands in none of the rooms", self.fault("src/lab/a.cc", '#include "lab/plan/y.h"\n'))
        self.assertEqual(self.fault("src/cli/a.cc", '#include "lab/run/y.h"\n'), "")

    def test_heavy_headers_stay_out_of_headers(self):
        self.assertIn("heavy", self.fault("src/base/a.h", "#include <nlohmann/json.hpp>\n"))
        self.assertEqual(self.fault("src/base/a.h", "#include <nlohmann/json_fwd.hpp>\n"), "")
        self.assertEqual(self.fault("src/base/a.cc", "#include <nlohmann/json.hpp>\n"), "")

    def test_systems_stay_in_their_room(self):
        self.assertIn("'os'", self.fault("src/model/a.cc", "#include <sys/mman.h>\n"))
        self.assertEqual(self.fault("src/os/a.cc", "#include <sys/mman.h>\n"), "")

    def test_what_gcc_12_lacks(self):
        self.assertIn("GCC 12", self.fault("src/base/a.cc", "#include <format>\n"))

    def test_unfinished_work(self):
        self.assertIn("a.cc:2", self.fault("src/base/a.cc", "\n// TO" + "DO later\n"))

    def test_long_files_are_only_noted(self):
        self.write("src/base/a.cc", "\n" * 401)
        self.assertEqual(house.broken_rules(self.root), [])
        self.assertEqual(house.long_files(self.root), ["src/base/a.cc: 401 lines"])


if __name__ == "__main__":
    unittest.main()

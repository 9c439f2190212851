#!/usr/bin/env python3
"""`ceiling chat`: line by line from a pipe, and on a terminal."""
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest

import tiny_gguf
from program import BINARY, SMOLLM2, ceiling, model

CHAT = ("chat", "-m", model(SMOLLM2), "--temp", "0")
SHORT = (*CHAT, "-n", "12")


def prefilled(output):
    return [int(count) for count in re.findall(r"prefill (\d+) tokens", output)]


def answers(output):
    """The texts between the closing lines."""
    return re.split(r"\n\[[^\n]*\]\n", output)[:-1]


class Piped(unittest.TestCase):
    def test_each_line_is_answered_and_only_new_tokens_are_prefilled(self):
        result = ceiling(*SHORT, stdin="What is two plus two?\nAnd three plus three?\n")
        self.assertEqual(result.code, 0, result.errors)
        first, second = prefilled(result.output)
        self.assertGreater(first, second)  # the system text and the first question are held already
        # "<|im_end|>\n<|im_start|>user\nAnd three plus three?<|im_end|>\n<|im_start|>assistant\n" and the
        # last token of the answer.
        self.assertLessEqual(second, 20)
        self.assertIn("load ", result.output.split("prefill")[0])
        self.assertEqual(result.output.count("load "), 1)
        self.assertNotIn("> ", result.output)

    def test_clear_starts_over(self):
        result = ceiling(*SHORT, stdin="What is two plus two?\n/clear\nWhat is two plus two?\n")
        first, second = prefilled(result.output)
        self.assertEqual(first, second)
        self.assertEqual(*answers(result.output))

    def test_the_past_changes_the_answer(self):
        after = ceiling(*SHORT, stdin="What is the capital of France?\nAnd of Germany?\n").output
        alone = ceiling(*SHORT, stdin="And of Germany?\n").output
        self.assertNotEqual(answers(after)[1], answers(alone)[0])

    def test_commands(self):
        result = ceiling(*SHORT, stdin="/help\n/nosuch\n\n/exit\nnever read\n")
        self.assertEqual(result.code, 0)
        self.assertIn("/clear", result.output)
        self.assertIn("/nosuch is not known", result.output)
        self.assertNotIn("prefill", result.output)

    def test_a_system_text_is_read_first(self):
        without = prefilled(ceiling(*SHORT, stdin="Hello\n").output)
        short = prefilled(ceiling(*SHORT, "--system", "Rhyme.", stdin="Hello\n").output)
        self.assertNotEqual(without, short)

    def test_a_question_that_does_not_fit_is_refused_and_the_chat_goes_on(self):
        result = ceiling(*SHORT, "-c", "96", stdin="word " * 200 + "\nHello\n")
        self.assertEqual(result.code, 0, result.errors)
        self.assertIn("do not fit", result.output)
        self.assertEqual(len(prefilled(result.output)), 1)

    def test_a_full_context_says_so(self):
        result = ceiling(*CHAT, "-n", "400", "-c", "64", stdin="Write a long story.\n")
        self.assertIn("[the context is full: /clear]", result.output)

    def test_a_model_without_a_chat_format_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            tiny = tiny_gguf.write(pathlib.Path(folder) / "tiny.gguf")
            result = ceiling("chat", "-m", tiny, stdin="abc\n")
            self.assertEqual(result.code, 1, result.errors)
            self.assertIn("no chat template", result.errors)


class Terminal:
    """The program on a pseudo-terminal."""

    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([BINARY, *map(str, arguments)], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=self._control,
                                        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm"})
        os.close(slave)
        self.seen = ""

    @staticmethod
    def _control():
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C reaches the program as a terminal sends it

    def send(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, seconds=60):
        """Reads until `text` has come since the last call."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self.master], [], [], max(end - time.monotonic(), 0))[0]:
                raise AssertionError(f"{text!r} did not come; seen: {self.seen!r}")
            try:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
            except OSError as gone:
                raise AssertionError(f"the program ended before {text!r}; seen: {self.seen!r}") from gone
        before, self.seen = self.seen.split(text, 1)
        return before

    def wait(self):
        code = self.process.wait(timeout=60)
        os.close(self.master)
        return code


class OnATerminal(unittest.TestCase):
    def test_interrupts_stop_the_answer_and_not_the_program(self):
        terminal = Terminal(*CHAT)
        terminal.expect("> ")
        terminal.send("Write a very long story about a river.\n")
        terminal.expect("\n")  # the echo of the question
        while len(terminal.seen) < 10:
            terminal.seen += os.read(terminal.master, 4096).decode(errors="replace")
        terminal.send("\x03")
        terminal.expect("[stopped]")
        terminal.expect("prefill")
        terminal.expect("> ")
        terminal.send("\x03")  # at the prompt
        terminal.expect("/exit leaves")
        terminal.expect("> ")
        terminal.send("/exit\n")
        self.assertEqual(terminal.wait(), 0)

    def test_a_request_to_end_ends_the_program(self):
        terminal = Terminal(*CHAT)
        terminal.expect("> ")
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait(), -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()

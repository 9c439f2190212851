// A machine that sleeps and a clock that is set, for tests: loaded before the C library into
// `ceiling`.
//
// In the process whose first argument is $CLOCK_COMMAND, from its second reading of CLOCK_BOOTTIME
// on, that clock is $CLOCK_SLEPT_S ahead and CLOCK_REALTIME that and $CLOCK_JUMP_S: if the file
// $CLOCK_ONCE is there, which is removed then, so that one process sees it once.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_command(void) {
  static int known = -1;
  if (known >= 0) return known;
  known = 0;
  const char* wanted = getenv("CLOCK_COMMAND");
  if (wanted == NULL) return known;
  char line[4096] = {0};
  const int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (file < 0) return known;
  const ssize_t bytes = read(file, line, sizeof line - 1);
  close(file);
  const size_t first = strlen(line) + 1;
  if (bytes > 0 && first < (size_t)bytes) known = strcmp(line + first, wanted) == 0;
  return known;
}

static double setting(const char* name) {
  const char* text = getenv(name);
  return text == NULL ? 0 : atof(text);
}

static void add(struct timespec* time, double seconds) { time->tv_sec += (time_t)seconds; }

int clock_gettime(clockid_t clock, struct timespec* time) {
  static int readings = 0, ahead = 0;
  const long failed = syscall(SYS_clock_gettime, clock, time);
  if (failed != 0 || !is_command()) return (int)failed;
  if (clock == CLOCK_BOOTTIME && ++readings >= 2 && !ahead) {
    const char* once = getenv("CLOCK_ONCE");
    ahead = once != NULL && unlink(once) == 0;
  }
  if (!ahead) return 0;
  if (clock == CLOCK_BOOTTIME) add(time, setting("CLOCK_SLEPT_S"));
  if (clock == CLOCK_REALTIME) add(time, setting("CLOCK_SLEPT_S") + setting("CLOCK_JUMP_S"));
  return 0;
}

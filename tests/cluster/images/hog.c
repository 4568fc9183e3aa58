/* hog: a process that uses memory in a way a test asks for. One static file; `hog --help` lists the modes.
 *
 * As PID 1 of a container it must handle SIGTERM itself: the kernel drops signals without a handler for PID 1.
 * Every line starts with "hog" and holds key=value pairs; mono= is CLOCK_MONOTONIC in microseconds, the clock next to
 * the kernel log's own. Pids are those of the container's namespace (/proc/<host pid>/status, NSpid, joins them). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1L << 20)

static const char HELP[] =
    "hog MODE [ARGUMENT...]\n"
    "\n"
    "  self MIB [DELAY_S [STEP_MS]]          this process allocates MIB, one MiB every STEP_MS, after DELAY_S; then it stays\n"
    "  child MIB [N [INTERVAL_S [STEP_MS]]]  N children (named hog-child), one after another, allocate MIB each; this\n"
    "                                        process waits for each, prints its end, and stays alive\n"
    "  burst N MIB [DELAY_S [STEP_MS]]       N children at the same time; then as child\n"
    "  hold MIB                              allocate MIB and stay\n"
    "  hold-then-child HOLD MIB [DELAY_S [STEP_MS]]\n"
    "                                        allocate HOLD MiB here, after DELAY_S a child allocates MIB\n"
    "  shmem PATH MIB [DELAY_S]              write MIB into the file PATH (an emptyDir of medium Memory), and stay\n"
    "  leak MIB S [BASE]                     allocate BASE MiB, then MIB more every S seconds, without end\n"
    "  workers N MIB [EVERY_S [DELAY_S]]     after DELAY_S a child (hog-child) every EVERY_S, N in all, each allocates MIB and\n"
    "                                        stays; this process prints the end of each that is killed, and stays alive\n"
    "  bursts MIB AT:N:MS...                 AT seconds after its start N children (hog-child), one every MS milliseconds, and so on\n"
    "                                        for each AT:N:MS; each child allocates MIB and is waited for; then stay\n"
    "  exit-after S CODE                     exit with CODE after S seconds\n"
    "  forge S TEXT...                       for S seconds make the kernel print each TEXT (at most 249 bytes) in turn, by faults\n"
    "                                        in a memfd of that name; needs no right and no capability; then stay\n"
    "\n"
    "  comm HEX MODE...                      take the process name given in hex (at most 15 bytes), children too; then MODE\n"
    "  print TEXT [MODE...]                  write TEXT and a newline to stdout; then MODE, or stay\n"
    "  kmsg TEXT [MODE...]                   write TEXT to /dev/kmsg (HOG_KMSG names another path); then MODE, or stay\n"
    "  after PATH MODE...                    wait until the file PATH exists: many pods start at one moment; then MODE\n"
    "  unless PATH MODE...                   where the file PATH exists say so and stay; else MODE\n"
    "  into PATH MODE...                     append what this process says to the file PATH, children too; then MODE\n"
    "  adj N MODE...                         write N to /proc/self/oom_score_adj; then MODE\n"
    "\n"
    "Exit status: 0 after SIGTERM, 2 for a usage error, 3 when a step failed.\n";

static char child_name[16] = "hog-child";

static void leave(int signal_number) {
    (void)signal_number;
    _exit(0);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    dprintf(1, "hog %s mono=%lld\n", line, (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

__attribute__((noreturn)) static void fail(const char *what) {
    say("failed what=%s error=%s", what, strerror(errno));
    _exit(3);
}

__attribute__((noreturn)) static void usage(const char *why) {
    dprintf(2, "hog: %s\n\n%s", why, HELP);
    _exit(2);
}

__attribute__((noreturn)) static void stay(void) {
    for (;;)
        pause();
}

static void wait_seconds(double seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

static double number(int count, char **arguments, int index, double otherwise) {
    if (index >= count)
        return otherwise;
    char *end;
    double value = strtod(arguments[index], &end);
    if (end == arguments[index] || *end || value < 0)
        usage("a number was expected");
    return value;
}

/* Anonymous memory, touched page by page. mmap failing is not what a memory cgroup does; it is reported. */
static void allocate(long mib, double step_ms) {
    for (long done = 0; done < mib; done++) {
        char *block = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            fail("mmap");
        memset(block, 0xa5, MIB);
        if ((done + 1) % 16 == 0 || done + 1 == mib)
            say("allocated pid=%d mib=%ld", getpid(), done + 1);
        if (step_ms > 0)
            wait_seconds(step_ms / 1000);
    }
}

static pid_t allocating_child(long mib, double step_ms, int n) {
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, child_name);
        allocate(mib, step_ms);
        stay();
    }
    say("child started n=%d pid=%d", n, child);
    return child;
}

static void await_child(int n) {
    int status;
    pid_t child;
    do
        child = wait(&status);
    while (child < 0 && errno == EINTR);
    if (child < 0)
        fail("wait");
    if (WIFSIGNALED(status))
        say("child ended n=%d pid=%d signal=%d", n, child, WTERMSIG(status));
    else
        say("child ended n=%d pid=%d exit=%d", n, child, WEXITSTATUS(status));
}

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A burst that is due while another is under way follows it at once. */
static void bursts(long mib, int count, char **each) {
    double began = now_seconds();
    int n = 0;
    for (int index = 0; index < count; index++) {
        double at, apart_ms;
        int kills;
        if (sscanf(each[index], "%lf:%d:%lf", &at, &kills, &apart_ms) != 3)
            usage("bursts are AT:N:MS");
        for (int kill = 0; kill < kills; kill++) {
            double left = began + at + kill * apart_ms / 1000 - now_seconds();
            if (left > 0)
                wait_seconds(left);
            allocating_child(mib, 0, ++n);
            await_child(n);
        }
    }
    say("children done n=%d", n);
}

static void write_file(const char *path, const char *text, size_t length) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        fail(path);
    if (write(file, text, length) != (ssize_t)length)
        fail(path);
    close(file);
}

static void fill(const char *path, long mib) {
    static char block[MIB];
    memset(block, 0xa5, sizeof block);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        fail(path);
    for (long done = 0; done < mib; done++) {
        if (write(file, block, sizeof block) != (ssize_t)sizeof block)
            fail(path);
        if ((done + 1) % 16 == 0 || done + 1 == mib)
            say("wrote pid=%d mib=%ld", getpid(), done + 1);
    }
    close(file);
}

static void take_name(const char *hex) {
    size_t length = strlen(hex);
    if (length % 2 || length / 2 > 15 || length == 0)
        usage("comm takes 1 to 15 bytes in hex");
    for (size_t index = 0; index < length / 2; index++) {
        unsigned byte;
        if (sscanf(hex + 2 * index, "%2x", &byte) != 1 || byte == 0)
            usage("comm takes hex without a zero byte");
        child_name[index] = (char)byte;
    }
    child_name[length / 2] = 0;
    prctl(PR_SET_NAME, child_name);
}

/* The kernel prints the name of the file in which a process faults, newlines included: a child executes an empty page. */
static void fault_in(const char *text) {
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_NAME, child_name);
        int file = memfd_create(text, 0);
        if (file < 0 || ftruncate(file, 4096))
            fail("memfd");
        void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
        if (page == MAP_FAILED)
            fail("mmap");
        ((void (*)(void))page)();
        _exit(0);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
}

__attribute__((noreturn)) static void run(int count, char **arguments) {
    const char *mode = arguments[0];
    int left = count - 1;
    char **rest = arguments + 1;
    say("mode=%s pid=%d", mode, getpid());
    if (!strcmp(mode, "self") && left >= 1) {
        wait_seconds(number(left, rest, 1, 1));
        allocate((long)number(left, rest, 0, 0), number(left, rest, 2, 5));
    } else if (!strcmp(mode, "hold") && left == 1) {
        allocate((long)number(left, rest, 0, 0), 0);
        say("holding");
    } else if (!strcmp(mode, "child") && left >= 1) {
        int children = (int)number(left, rest, 1, 1);
        for (int n = 1; n <= children; n++) {
            wait_seconds(number(left, rest, 2, 1));
            allocating_child((long)number(left, rest, 0, 0), number(left, rest, 3, 5), n);
            await_child(n);
        }
        say("children done n=%d", children);
    } else if (!strcmp(mode, "burst") && left >= 2) {
        int children = (int)number(left, rest, 0, 0);
        wait_seconds(number(left, rest, 2, 1));
        for (int n = 1; n <= children; n++)
            allocating_child((long)number(left, rest, 1, 0), number(left, rest, 3, 5), n);
        for (int n = 1; n <= children; n++)
            await_child(n);
        say("children done n=%d", children);
    } else if (!strcmp(mode, "hold-then-child") && left >= 2) {
        allocate((long)number(left, rest, 0, 0), 0);
        wait_seconds(number(left, rest, 2, 1));
        allocating_child((long)number(left, rest, 1, 0), number(left, rest, 3, 5), 1);
        await_child(1);
        say("children done n=1");
    } else if (!strcmp(mode, "shmem") && left >= 2) {
        wait_seconds(number(left, rest, 2, 1));
        fill(rest[0], (long)number(left, rest, 1, 0));
        say("holding");
    } else if (!strcmp(mode, "leak") && left >= 2) {
        allocate((long)number(left, rest, 2, 0), 0);
        for (;;) {
            wait_seconds(number(left, rest, 1, 0));
            allocate((long)number(left, rest, 0, 0), 0);
        }
    } else if (!strcmp(mode, "workers") && left >= 2) {
        int workers = (int)number(left, rest, 0, 0);
        wait_seconds(number(left, rest, 3, 1));
        for (int n = 1; n <= workers; n++) {
            allocating_child((long)number(left, rest, 1, 0), 0, n);
            wait_seconds(number(left, rest, 2, 0.1));
        }
        for (int n = 1; n <= workers; n++)
            await_child(n);
        say("children done n=%d", workers);
    } else if (!strcmp(mode, "bursts") && left >= 2) {
        bursts((long)number(left, rest, 0, 0), left - 1, rest + 1);
    } else if (!strcmp(mode, "exit-after") && left == 2) {
        wait_seconds(number(left, rest, 0, 0));
        say("exiting code=%d", (int)number(left, rest, 1, 0));
        _exit((int)number(left, rest, 1, 0));
    } else if (!strcmp(mode, "forge") && left >= 2) {
        struct timespec now, end;
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += (time_t)number(left, rest, 0, 0);
        int forged = 0;
        do {
            fault_in(rest[1 + forged++ % (left - 1)]);
            wait_seconds(0.05);
            clock_gettime(CLOCK_MONOTONIC, &now);
        } while (now.tv_sec < end.tv_sec);
        say("forged n=%d", forged);
    } else if (!strcmp(mode, "comm") && left >= 2) {
        take_name(rest[0]);
        run(left - 1, rest + 1);
    } else if (!strcmp(mode, "after") && left >= 2) {
        while (access(rest[0], F_OK))
            wait_seconds(0.01);
        run(left - 1, rest + 1);
    } else if (!strcmp(mode, "unless") && left >= 2) {
        if (access(rest[0], F_OK))
            run(left - 1, rest + 1);
        say("closed");
    } else if (!strcmp(mode, "into") && left >= 2) {
        int file = open(rest[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (file < 0 || dup2(file, 1) < 0)
            fail(rest[0]);
        close(file);
        run(left - 1, rest + 1);
    } else if (!strcmp(mode, "adj") && left >= 2) {
        write_file("/proc/self/oom_score_adj", rest[0], strlen(rest[0]));
        run(left - 1, rest + 1);
    } else if (!strcmp(mode, "print") && left >= 1) {
        dprintf(1, "%s\n", rest[0]);
        if (left > 1)
            run(left - 1, rest + 1);
    } else if (!strcmp(mode, "kmsg") && left >= 1) {
        const char *path = getenv("HOG_KMSG");
        write_file(path ? path : "/dev/kmsg", rest[0], strlen(rest[0]));
        say("wrote kmsg bytes=%zu", strlen(rest[0]));
        if (left > 1)
            run(left - 1, rest + 1);
    } else {
        usage("unknown mode, or arguments missing");
    }
    stay();
}

int main(int count, char **arguments) {
    struct sigaction on_leave = {.sa_handler = leave};
    sigaction(SIGTERM, &on_leave, NULL);
    sigaction(SIGINT, &on_leave, NULL);
    if (count > 1 && (!strcmp(arguments[1], "--help") || !strcmp(arguments[1], "help"))) {
        dprintf(1, "%s", HELP);
        return 0;
    }
    if (count < 2)
        usage("a mode is needed");
    run(count - 1, arguments + 1);
}

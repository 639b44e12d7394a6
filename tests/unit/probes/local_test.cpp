// Scripts, processes, files, interfaces.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "checks/probes/file.hpp"
#include "checks/probes/interface.hpp"
#include "checks/probes/process.hpp"
#include "checks/processes/script.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::HasSubstr;

class Local : public Probing {
protected:
    Outcome script(const std::string& text, const std::string& user = "root") {
        outcome_.reset();
        const Script question{{"/bin/sh", "-c", text}, user};
        const auto attempt = start_script(context, question, "nobody", keep());
        return wait();
    }
    FileThreads threads{context};

    static bool is_root() { return geteuid() == 0; }
    // Whether any process carries this text in its arguments.
    static bool any_process_with(const std::string& marker) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            std::ifstream file(entry.path() / "cmdline");
            const std::string words{std::istreambuf_iterator<char>(file), {}};
            if (words.find(marker) != std::string::npos) {
                return true;
            }
        }
        return false;
    }
};

#define NEEDS_ROOT()                                         \
    if (!is_root()) {                                        \
        GTEST_SKIP() << "only root can become another user"; \
    }

TEST_F(Local, TheExitStatusDecides) {
    NEEDS_ROOT();
    EXPECT_TRUE(script("exit 0").passed);
    const Outcome failed = script("echo first; echo second; exit 3");
    EXPECT_FALSE(failed.passed);
    EXPECT_EQ(failed.detail, "exit status 3: first");
    EXPECT_EQ(failed.output, "first\nsecond\n");
    EXPECT_THAT(script("kill -9 $$").detail, HasSubstr("killed by signal 9"));
}

TEST_F(Local, ItRunsAsTheUserThatIsNamed) {
    NEEDS_ROOT();
    EXPECT_EQ(script("id -un; pwd; env | sort | head -1", "").output.substr(0, 9), "nobody\n/\n");
    EXPECT_EQ(script("exit 0", "no-such-user").detail, "there is no user no-such-user");
    outcome_.reset();
    const Script missing{{"/no/such/program"}, "root"};
    const auto attempt = start_script(context, missing, "nobody", keep());
    EXPECT_EQ(wait().detail, "cannot execute /no/such/program: No such file or directory");
}

TEST_F(Local, TheOutputIsBounded) {
    NEEDS_ROOT();
    EXPECT_EQ(script("yes | head -c 1000000").output.size(), longest_output);
}

TEST_F(Local, WhatIgnoresSigtermAndForksIsKilledWhenItExpires) {
    NEEDS_ROOT();
    const std::string marker = "us-unit-" + std::to_string(getpid()) + "-expire";
    const Script question{{"/bin/sh", "-c",
                           "trap '' TERM; (setsid sh -c \"trap '' TERM; sleep 1000; : " + marker +
                               "\" &); sleep 1000; : " + marker},
                          "root"};
    const auto attempt = start_script(context, question, "nobody", keep());
    ASSERT_TRUE(run_until([&] { return any_process_with(marker); }));
    EXPECT_TRUE(attempt->expire());
    EXPECT_THAT(wait().detail, HasSubstr("killed by signal 9"));
    EXPECT_FALSE(any_process_with(marker));
}

TEST_F(Local, AnAttemptThatIsEndedLeavesNothing) {
    NEEDS_ROOT();
    const std::string marker = "us-unit-" + std::to_string(getpid()) + "-ended";
    const Script question{{"/bin/sh", "-c", "(setsid sleep 1000 &); sleep 1000; : " + marker},
                          "root"};
    auto attempt = start_script(context, question, "nobody", keep());
    ASSERT_TRUE(run_until([&] { return any_process_with(marker); }));
    attempt.reset();
    EXPECT_FALSE(any_process_with(marker));
    EXPECT_FALSE(outcome_);
}

TEST_F(Local, TheDeathOfWhoeverRunsItEndsIt) {
    NEEDS_ROOT();
    const std::string marker = "us-unit-" + std::to_string(getpid()) + "-orphan";
    const Script question{{"/bin/sh", "-c", "trap '' TERM; sleep 1000; : " + marker}, "root"};
    const pid_t runner = fork();
    if (runner == 0) {
        boost::asio::io_context own;
        const auto attempt = start_script(own, question, "nobody", [](Outcome) {});
        own.run();
        _exit(0);
    }
    ASSERT_TRUE(run_until([&] { return any_process_with(marker); }));
    kill(runner, SIGKILL);
    waitpid(runner, nullptr, 0);
    EXPECT_TRUE(run_until([&] { return !any_process_with(marker); }));
}

TEST_F(Local, FilesExistAreFreshAndHoldNumbers) {
    const auto path =
        std::filesystem::temp_directory_path() / ("us-unit-" + std::to_string(getpid()) + "-file");
    const auto look = [&](const File& file) {
        outcome_.reset();
        const auto attempt = start_file(threads, file, keep());
        return wait();
    };
    File file{path.string(), std::nullopt, false};
    EXPECT_THAT(look(file).detail, HasSubstr("No such file"));
    std::ofstream(path) << " -20\n";
    EXPECT_TRUE(look(file).passed);
    file.value_as_weight = true;
    EXPECT_EQ(look(file).weight, -20);
    std::ofstream(path) << "300";
    EXPECT_THAT(look(file).detail, HasSubstr("\"300\" is not a whole number from -253 to 253"));
    file = {path.string(), std::chrono::hours{1}, false};
    EXPECT_TRUE(look(file).passed);
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours{2});
    EXPECT_THAT(look(file).detail, HasSubstr("7200 s old"));
    std::filesystem::remove(path);
}

TEST_F(Local, ProcessesAreFoundByNameAndByPidFile) {
    const auto look = [&](const Process& process) {
        outcome_.reset();
        const auto attempt = start_process(threads, process, keep());
        return wait();
    };
    prctl(PR_SET_NAME, "us) x (unit");
    EXPECT_EQ(look({"us) x (unit", "", 1}).detail, "1 process us) x (unit");
    EXPECT_FALSE(look({"us) x (unit", "", 2}).passed);
    EXPECT_EQ(look({"no-such-process", "", 1}).detail, "no processes no-such-process");
    EXPECT_THAT(look({"", "/no/such/file", 1}).detail, HasSubstr("missing or empty"));
    const auto path =
        std::filesystem::temp_directory_path() / ("us-unit-" + std::to_string(getpid()) + "-pid");
    std::ofstream(path) << getpid() << '\n';
    EXPECT_TRUE(look({"us) x (unit", path.string(), 1}).passed);
    EXPECT_THAT(look({"another", path.string(), 1}).detail, HasSubstr("is not another"));
    std::ofstream(path) << "1x";
    EXPECT_THAT(look({"", path.string(), 1}).detail, HasSubstr("does not hold a process number"));
    std::filesystem::remove(path);
}

// Opening a FIFO waits for whoever writes it, and with it all the checks of the prober; a terminal
// waits for its user, and some devices do something when they are opened.
TEST_F(Local, OnlyRegularFilesAreRead) {
    const auto fifo =
        std::filesystem::temp_directory_path() / ("us-unit-" + std::to_string(getpid()) + "-fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    for (const auto& path : {fifo.string(), std::string{"/dev/zero"}, std::string{"/"}}) {
        outcome_.reset();
        const Process process{"", path, 1};
        const auto by_pid = start_process(threads, process, keep());
        EXPECT_EQ(wait().detail, path + " is not a regular file");
        outcome_.reset();
        const File file{path, std::nullopt, true};
        const auto by_value = start_file(threads, file, keep());
        EXPECT_EQ(wait().detail, path + " is not a regular file");
    }
    std::filesystem::remove(fifo);
}

TEST_F(Local, InterfacesAreLookedAtInThisNamespace) {
    const auto look = [&](const std::string& name) {
        outcome_.reset();
        const Interface interface{name};
        const auto attempt = start_interface(context, interface, keep());
        return wait();
    };
    EXPECT_EQ(look("no-such-if0").detail, "no-such-if0: no such interface");
    EXPECT_THAT(look("lo").detail, HasSubstr("lo "));
}

}  // namespace
}  // namespace understudy::checks

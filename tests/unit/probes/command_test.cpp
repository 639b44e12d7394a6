// Running a program: as whom, with what, and how it ends.
#include "checks/processes/command.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The processes that carry this text in their arguments.
std::vector<pid_t> carrying(const std::string& marker) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "cmdline");
        const std::string words{std::istreambuf_iterator<char>(file), {}};
        if (words.find(marker) != std::string::npos) {
            found.push_back(static_cast<pid_t>(std::stol(entry.path().filename().string())));
        }
    }
    return found;
}

class Commands : public Probing {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "only root can become another user";
        }
        marker_ = "us-command-" + std::to_string(getpid()) + "-" +
                  testing::UnitTest::GetInstance()->current_test_info()->name();
    }
    // What a failed test left; what is asked for by number only.
    void TearDown() override {
        if (!marker_.empty()) {
            for (const pid_t pid : carrying(marker_)) {
                kill(pid, SIGKILL);
            }
        }
    }
    std::unique_ptr<Command> begin(const std::string& text, Tree tree,
                                   const std::string& user = "nobody") {
        result_.reset();
        const CommandSpec spec{{"/bin/sh", "-c", text}, user, tree};
        return std::make_unique<Command>(context, spec,
                                         [this](const CommandResult& result) { result_ = result; });
    }
    CommandResult run(const std::string& text, Tree tree, const std::string& user = "nobody") {
        const auto command = begin(text, tree, user);
        EXPECT_TRUE(run_until([&] { return result_.has_value(); }));
        return result_.value_or(CommandResult{});
    }
    bool gone() {
        return run_until([&] { return carrying(marker_).empty(); });
    }

    std::string marker_;
    std::optional<CommandResult> result_;
};

class BothTrees : public Commands, public testing::WithParamInterface<Tree> {};

INSTANTIATE_TEST_SUITE_P(Modes, BothTrees, testing::Values(Tree::killed, Tree::left),
                         [](const auto& mode) {
                             return mode.param == Tree::killed ? "killed" : "left";
                         });

TEST_P(BothTrees, TellsHowItEnded) {
    EXPECT_EQ(run("exit 0", GetParam()).exit_code, 0);
    EXPECT_EQ(run("exit 77", GetParam()).exit_code, 77);
    const CommandResult killed = run("kill -HUP $$", GetParam());
    EXPECT_EQ(killed.signal, SIGHUP);
    EXPECT_NE(killed.exit_code, 0);
}

TEST_P(BothTrees, GivesNothingOfTheAgentAway) {
    // Neither its descriptors nor its variables, its terminal, its signals, its rights.
    const int secret = open("/etc/passwd", O_RDONLY);  // on purpose without O_CLOEXEC
    ASSERT_GT(secret, 2);
    setenv("UNDERSTUDY_SECRET", "x", 1);
    std::signal(SIGHUP, SIG_IGN);
    // `exec` at the end: while it starts another program the shell itself blocks signals.
    const std::string seen =
        run("ls /proc/$$/fd; echo .; env; readlink /proc/$$/fd/0 /proc/$$/cwd; "
            "echo session $(($(cut -d' ' -f6 /proc/$$/stat) - $$)); umask; "
            "exec grep -E '^(Uid|CapPrm|CapEff|CapAmb|NoNewPrivs|SigIgn|SigBlk):' "
            "/proc/self/status",
            GetParam())
            .output;
    std::signal(SIGHUP, SIG_DFL);
    unsetenv("UNDERSTUDY_SECRET");
    close(secret);
    EXPECT_THAT(seen, testing::StartsWith("0\n1\n2\n.\n"));
    EXPECT_THAT(seen, AllOf(HasSubstr("PATH=/"), Not(HasSubstr("UNDERSTUDY_SECRET"))));
    EXPECT_THAT(seen, HasSubstr("/dev/null\n/\nsession 0\n0022\n"));
    EXPECT_THAT(seen, HasSubstr("Uid:\t65534\t65534\t65534\t65534\n"));
    for (const char* empty : {"CapPrm", "CapEff", "CapAmb", "SigIgn", "SigBlk"}) {
        EXPECT_THAT(seen, HasSubstr(std::string{empty} + ":\t0000000000000000\n"));
    }
    EXPECT_THAT(seen, HasSubstr("NoNewPrivs:\t1\n"));
}

TEST_P(BothTrees, NeverRootByMistake) {
    EXPECT_EQ(run("exit 0", GetParam(), "no-such-user").error, "there is no user no-such-user");
    EXPECT_NE(run("exit 0", GetParam(), "").error, "");
    EXPECT_EQ(run("id -u", GetParam(), "root").output, "0\n");
    EXPECT_EQ(run("id -u; id -G", GetParam()).output, "65534\n65534\n");
}

// A process that has become somebody else and may not become anybody any more.
TEST_P(BothTrees, WithoutTheRightToChangeTheUserItFails) {
    std::array<int, 2> answer{};
    ASSERT_EQ(pipe2(answer.data(), O_CLOEXEC), 0);
    const pid_t other = fork();
    if (other == 0) {
        boost::asio::io_context own;
        std::string told = "nothing";
        if (setresgid(1, 1, 1) == 0 && setresuid(1, 1, 1) == 0) {
            const CommandSpec spec{{"/bin/sh", "-c", "id -u"}, "nobody", GetParam()};
            Command command(own, spec, [&](const CommandResult& result) {
                told = result.error + "|" + result.output;
                own.stop();
            });
            own.run();
        }
        [[maybe_unused]] const auto size = write(answer[1], told.data(), told.size());
        _exit(0);
    }
    close(answer[1]);
    std::array<char, 500> buffer{};
    const ssize_t size = read(answer[0], buffer.data(), buffer.size());
    close(answer[0]);
    waitpid(other, nullptr, 0);
    ASSERT_GT(size, 0);
    EXPECT_EQ((std::string{buffer.data(), static_cast<std::size_t>(size)}),
              "cannot become nobody: Operation not permitted|");
}

TEST_P(BothTrees, KeepsTheFirstBytesAndReadsTheRest) {
    const CommandResult result =
        run("echo out; echo err >&2; head -c 3000000 /dev/zero; exit 5", GetParam());
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_EQ(result.output.size(), longest_output);
    EXPECT_EQ(result.output.substr(0, 8), "out\nerr\n");
}

TEST_P(BothTrees, AnEndlessOutputDoesNotHoldUpTheLoop) {
    const auto command = begin("exec yes " + marker_, GetParam());
    int ticks = 0;
    boost::asio::steady_timer timer(context);
    const std::function<void()> tick = [&] {
        timer.expires_after(std::chrono::milliseconds{5});
        timer.async_wait([&](const boost::system::error_code& error) {
            ticks += error ? 0 : 1;
            if (!error) {
                tick();
            }
        });
    };
    tick();
    // Another process writes at the same time; unbounded reading would never see an empty pipe.
    EXPECT_TRUE(run_until([&] { return ticks >= 20; }));
    command->expire();
    EXPECT_TRUE(run_until([&] { return result_.has_value(); }));
    EXPECT_TRUE(gone());
}

TEST_P(BothTrees, ExpiringAsksFirst) {
    const auto command = begin(
        "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; "
        "done; : " +
            marker_,
        GetParam());
    // Its trap is set once "up" was written; the pipe cannot be looked at, the process can.
    ASSERT_TRUE(run_until([&] {
        for (const pid_t pid : carrying(marker_)) {
            std::ifstream file("/proc/" + std::to_string(pid) + "/status");
            std::ostringstream text;
            text << file.rdbuf();
            const auto at = text.str().find("SigCgt:\t");
            if (at != std::string::npos &&
                (std::stoull(text.str().substr(at + 8, 16), nullptr, 16) & (1ULL << 14)) != 0) {
                return true;
            }
        }
        return false;
    }));
    command->expire();
    ASSERT_TRUE(run_until([&] { return result_.has_value(); }));
    EXPECT_THAT(result_->output, HasSubstr("up\n"));
    EXPECT_TRUE(gone());
}

TEST_P(BothTrees, WhatDoesNotGoIsKilled) {
    const auto command = begin(
        "trap '' TERM; (trap '' TERM; sleep 1000; : " + marker_ + ") & sleep 1000; : " + marker_,
        GetParam());
    ASSERT_TRUE(run_until([&] { return carrying(marker_).size() >= 2; }));
    command->expire();
    ASSERT_TRUE(run_until([&] { return result_.has_value(); })) << "done was not called";
    EXPECT_EQ(result_->signal, SIGKILL);
    EXPECT_TRUE(gone());
}

// As in the runner, which ignores what is meant for the agent: a signal that comes before the new
// process has arranged itself would be thrown away, and its end waited for in vain.
TEST_P(BothTrees, DestroyedRightAfterItsStartItLeavesNothing) {
    for (const int signal : {SIGINT, SIGTERM}) {
        std::signal(signal, SIG_IGN);
    }
    for (int round = 0; round < 100; ++round) {
        const auto begun = std::chrono::steady_clock::now();
        begin("sleep 60; : " + marker_, GetParam()).reset();
        ASSERT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{30}) << round;
    }
    for (const int signal : {SIGINT, SIGTERM}) {
        std::signal(signal, SIG_DFL);
    }
    EXPECT_TRUE(run_until([&] { return carrying(marker_).empty(); }));
    EXPECT_TRUE(run_until([] { return waitpid(-1, nullptr, WNOHANG) == -1; })) << "and no zombie";
}

TEST_P(BothTrees, ExpiredRightAfterItsStartItEnds) {
    for (const int signal : {SIGINT, SIGTERM}) {
        std::signal(signal, SIG_IGN);
    }
    for (int round = 0; round < 10; ++round) {
        const auto command = begin("sleep 60; : " + marker_, GetParam());
        command->expire();
        ASSERT_TRUE(run_until([&] { return result_.has_value(); })) << round;
        EXPECT_EQ(result_->signal, SIGTERM) << "it was not asked";
    }
    for (const int signal : {SIGINT, SIGTERM}) {
        std::signal(signal, SIG_DFL);
    }
    EXPECT_TRUE(carrying(marker_).empty());
}

TEST_P(BothTrees, WithoutDescriptorsItSaysSo) {
    const boost::asio::steady_timer has_the_loop_open_its_own(context);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    for (rlim_t spare = 0; spare < 6; ++spare) {
        // Every number of free descriptors fails at another step, or suffices.
        const auto limit = rlimit{static_cast<rlim_t>(next) + spare, before.rlim_max};
        std::unique_ptr<Command> command;
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        try {
            command = begin("sleep 60; : " + marker_, GetParam());
        } catch (const std::exception& error) {
            ADD_FAILURE() << "thrown: " << error.what();
        }
        setrlimit(RLIMIT_NOFILE, &before);
        if (spare < 4) {
            EXPECT_TRUE(run_until([&] { return result_.has_value(); })) << spare;
            EXPECT_THAT(result_.value_or(CommandResult{}).error, HasSubstr("Too many open files"))
                << spare;
        }
    }
    EXPECT_TRUE(gone());
    const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    EXPECT_EQ(after, next) << "a descriptor was left open";
}

TEST_F(Commands, ADaemonLivesOnWhenItIsLeft) {
    // It also writes, long after the command has ended and is forgotten.
    const CommandResult result =
        run("sh -c 'trap \"\" HUP; while :; do echo line; sleep 0.01; done; : " + marker_ +
                "' & exit 0",
            Tree::left);
    EXPECT_EQ(result.exit_code, 0);
    // Its children are copies of it until they have become `sleep`; their numbers are larger.
    const auto left = carrying(marker_);
    ASSERT_FALSE(left.empty());
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{300};
    run_until([&] { return std::chrono::steady_clock::now() > until; });
    EXPECT_THAT(carrying(marker_), testing::Contains(left.front()));
    kill(left.front(), SIGKILL);
    EXPECT_TRUE(gone());
}

TEST_F(Commands, WhatALeftDaemonWritesWithoutEndKeepsNobodyBusy) {
    EXPECT_EQ(run("yes " + marker_ + " & exit 0", Tree::left).exit_code, 0);
    const auto used = [] {
        timespec time{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
    };
    const auto before = used();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{400};
    while (std::chrono::steady_clock::now() < until) {
        context.run_one_for(std::chrono::milliseconds{20});
    }
    EXPECT_LT(used() - before, std::chrono::milliseconds{200});
    EXPECT_EQ(carrying(marker_).size(), 1U);  // it still writes when the loop is destroyed
}

TEST_F(Commands, ADaemonDoesNotLiveOnWhenItIsKilled) {
    const CommandResult result =
        run("setsid sh -c 'sleep 1000; : " + marker_ + "' & exit 0", Tree::killed);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_TRUE(carrying(marker_).empty());
}

}  // namespace
}  // namespace understudy::checks

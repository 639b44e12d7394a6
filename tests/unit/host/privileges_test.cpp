// What the agent may do is asked in a process that has given its rights up.
#include "agent/host/privileges.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace understudy::host {
namespace {

core::Configuration checked_by(checks::Question question) {
    checks::CheckSettings check;
    check.name = "local";
    check.question = std::move(question);
    core::Configuration configuration;
    configuration.checks = {check};
    return configuration;
}

// What an agent with CAP_NET_ADMIN and CAP_NET_RAW lacks for it.
std::string missing_under_the_unit(const core::Configuration& configuration) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
        std::string said = drop_privileges() + "|";
        said += missing_right_for(configuration, may_change_user());
        _exit(write(ends[1], said.data(), said.size()) > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ends[1]);
    std::array<char, 1024> text{};
    const ssize_t size = read(ends[0], text.data(), text.size());
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

class PrivilegesTest : public testing::Test {
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "there are no rights to give up: this test needs root";
        }
    }
};

TEST_F(PrivilegesTest, ScriptsOfAnotherUserNeedTheRightToBecomeIt) {
    const auto scripted = checked_by(checks::Script{});
    EXPECT_EQ(missing_right_for(scripted, may_change_user()), "");
    const std::string missing = missing_under_the_unit(scripted);
    EXPECT_NE(missing.find("|the script of check local cannot run as nobody"), std::string::npos)
        << missing;
    EXPECT_NE(missing.find("scripts.conf"), std::string::npos) << missing;
}

TEST_F(PrivilegesTest, CommandsOfAServiceNeedItToo) {
    core::Configuration configuration;
    configuration.services.resize(1);
    configuration.services[0].name = "queue";
    configuration.services[0].stop = {"/bin/true"};
    const std::string missing = missing_under_the_unit(configuration);
    EXPECT_NE(missing.find("|the commands of service queue cannot"), std::string::npos) << missing;
    configuration.services[0].stop.clear();
    configuration.services[0].unit = "queue.service";
    EXPECT_EQ(missing_under_the_unit(configuration), "|");
}

TEST_F(PrivilegesTest, ScriptsOfTheAgentsOwnUserNeedNothing) {
    auto scripted = checked_by(checks::Script{});
    scripted.agent.script_user = "root";
    EXPECT_EQ(missing_under_the_unit(scripted), "|");
}

TEST_F(PrivilegesTest, WhatGoesOverTheNetworkNeedsNothing) {
    EXPECT_EQ(missing_under_the_unit(checked_by(checks::Tcp{})), "|");
    EXPECT_EQ(missing_under_the_unit(checked_by(checks::Process{})),
              "|");  // nothing is hidden here
}

}  // namespace
}  // namespace understudy::host

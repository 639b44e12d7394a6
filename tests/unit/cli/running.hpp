// The client, run as a whole against a FakeAgent.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "agent/cli/commands.hpp"
#include "tests/unit/cli/fake_agent.hpp"

namespace understudy::cli {

using Words = std::vector<std::string>;

inline constexpr const char* status_line =
    R"({"node":"lb1","version":"9.9","uptime_s":3,"maintenance":false,"vips":[{"name":"web",)"
    R"("state":"active","reason":"silence","since":"2026-11-20T12:00:00.000Z","interface":"eth0",)"
    R"("vrid":51,"version":3,"priority":{"base":150,"effective":150},"advert_interval_ms":1000,)"
    R"("readiness":"hot","addresses":[{"address":"192.0.2.10/24","held":true}],"active":null,)"
    R"("transitions":1,"counters":{"adverts_sent":1,"adverts_received":0,"discarded":{}}}],)"
    R"("checks":[],"of_a_later_version":1})";

struct Outcome {
    int status = -1;
    std::string out;
    std::string err;
};

struct Setting {
    std::chrono::milliseconds patience{5000};
    bool err_is_terminal = false;
};

inline Outcome ran(const std::filesystem::path& runtime_dir, const Words& words,
                   Setting setting = {}) {
    auto arguments = parse_arguments(words);
    if (!arguments) {
        ADD_FAILURE() << arguments.error().text;
        return {};
    }
    arguments->runtime_dir = runtime_dir;
    arguments->patience = setting.patience;
    arguments->watch_every = std::chrono::milliseconds{1};
    std::ostringstream out;
    std::ostringstream err;
    Console console{out, err};
    console.err_is_terminal = setting.err_is_terminal;
    const int status = run(*arguments, console);
    return {status, out.str(), err.str()};
}

inline Outcome answered(const std::string& answer, const Words& words, Setting setting = {}) {
    const FakeAgent agent([&](FakeAgent::Client& client) {
        client.read_line();
        client.write(answer);
    });
    return ran(agent.runtime_dir(), words, setting);
}

inline const std::vector<Words> every_question = {
    {"status"},
    {"status", "web"},
    {"status", "--watch"},
    {"why", "web"},
    {"failover", "web"},
    {"failover", "--all"},
    {"takeover", "web"},
    {"failback", "web"},
    {"events"},
    {"events", "--follow"},
    {"config", "show"},
    {"check", "list"},
    {"check", "run", "frontend"},
};

// Every command fails with `status`, in words and as one JSON document.
inline void expect_failure(const std::filesystem::path& runtime_dir, int status,
                           const std::string& text, Setting setting = {}) {
    for (Words words : every_question) {
        const Outcome plain = ran(runtime_dir, words, setting);
        EXPECT_EQ(plain.status, status) << testing::PrintToString(words);
        EXPECT_EQ(plain.out, "") << testing::PrintToString(words);
        EXPECT_THAT(plain.err, testing::HasSubstr(text)) << testing::PrintToString(words);
        words.emplace_back("--json");
        const Outcome as_json = ran(runtime_dir, words, setting);
        EXPECT_EQ(as_json.status, status) << testing::PrintToString(words);
        EXPECT_EQ(as_json.err, "") << testing::PrintToString(words);
        const auto document = nlohmann::json::parse(as_json.out, nullptr, false);
        ASSERT_TRUE(document.is_object()) << as_json.out;
        EXPECT_THAT(document["error"].get<std::string>(), testing::HasSubstr(text));
    }
}

}  // namespace understudy::cli

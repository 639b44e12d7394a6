// `config check` needs no agent. What is valid is agent/config's business; here it is what becomes
// of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/offline_command.hpp"

namespace understudy::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* good = R"([agent]
name = lb1
[vip web]
interface = eth0
vrid = 51
priority = 150
address = 192.0.2.10/24
)";

std::string replaced(std::string text, const std::string& old, const std::string& other) {
    return text.replace(text.find(old), old.size(), other);
}

class ConfigCheck : public OfflineCommand {
protected:
    int check(const std::vector<std::string>& files, bool as_json = false, bool here = false) {
        Arguments arguments;
        arguments.json = as_json;
        arguments.this_node = here;
        return execute(arguments, "config check", files);
    }
};

TEST_F(ConfigCheck, AcceptsAValidFile) {
    const std::string path = file("good", good);
    EXPECT_EQ(check({path}), exit_done);
    EXPECT_EQ(out(), "valid\n");
    EXPECT_EQ(err(), "");
    EXPECT_EQ(check({path}, true), exit_done);
    EXPECT_EQ(json::parse(out()), json::parse(R"({"valid":true,"diagnostics":[]})"));
}

TEST_F(ConfigCheck, NamesFileAndLineOfEveryProblem) {
    const std::string path = file("bad", std::string{good} + "colour = blue\nshape = round\n");
    EXPECT_EQ(check({path}), exit_failed);
    EXPECT_EQ(out(), "");
    EXPECT_THAT(err(), HasSubstr(path + ":8: "));
    EXPECT_THAT(err(), HasSubstr(path + ":9: "));
    EXPECT_EQ(check({path}, true), exit_failed);
    EXPECT_EQ(err(), "");
    const json document = json::parse(out());
    EXPECT_EQ(document["valid"], false);
    ASSERT_EQ(document["diagnostics"].size(), 2U);
    const json& first = document["diagnostics"][0];
    EXPECT_EQ(first["file"], path);
    EXPECT_EQ(first["line"], 8);
    EXPECT_TRUE(first["column"].is_number_integer());
    EXPECT_EQ(first["severity"], "error");
    EXPECT_THAT(first["message"].get<std::string>(), HasSubstr("colour"));
}

TEST_F(ConfigCheck, AWarningIsNoFailure) {
    std::string text = good;
    text.replace(text.find("150"), 3, "10");
    const std::string path = file("low", text);
    EXPECT_EQ(check({path}), exit_done);
    EXPECT_EQ(out(), "valid\n");
    EXPECT_THAT(err(), HasSubstr("warning"));
    EXPECT_EQ(check({path}, true), exit_done);
    EXPECT_EQ(json::parse(out())["valid"], true);
    EXPECT_EQ(json::parse(out())["diagnostics"][0]["severity"], "warning");
}

TEST_F(ConfigCheck, AFileThatIsNotThereIsAProblem) {
    EXPECT_EQ(check({"/nowhere/understudy.conf"}), exit_failed);
    EXPECT_THAT(err(), HasSubstr("/nowhere/understudy.conf"));
    EXPECT_EQ(check({"/nowhere/understudy.conf"}, true), exit_failed);
    EXPECT_EQ(json::parse(out())["valid"], false);
}

TEST_F(ConfigCheck, ComparesSeveralFilesAsOneCluster) {
    std::string other = good;
    other.replace(other.find("lb1"), 3, "lb2");
    other.replace(other.find("150"), 3, "100");
    const std::string first = file("lb1", good);
    EXPECT_EQ(check({first, file("lb2", other)}), exit_done) << err();
    other.replace(other.find("vrid = 51"), 9, "vrid = 52");
    EXPECT_EQ(check({first, file("lb3", other)}), exit_failed);
    EXPECT_THAT(err(), HasSubstr("vrid"));
}

// Of two files the first is this node's: what the other one names is elsewhere.
TEST_F(ConfigCheck, LooksAtThisMachineOnlyWhenAsked) {
    const std::string here = file("here", replaced(good, "eth0", "nosuchif0"));
    const std::string there = file("there", replaced(replaced(good, "150", "100"), "lb1", "lb2"));
    EXPECT_EQ(check({here, there}), exit_done) << err();
    EXPECT_EQ(check({here, there}, false, true), exit_failed);
    EXPECT_EQ(err(), here + ":4: interface: there is no interface nosuchif0 on this machine\n");
}

}  // namespace
}  // namespace understudy::cli

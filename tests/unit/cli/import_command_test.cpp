// `import` needs no agent. What becomes of a line is agent/import's business; here it is where it
// goes, and the exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/cli/offline_command.hpp"

namespace understudy::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* good = R"(vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  @one priority 150
  @two priority 100
  smtp_alert
  virtual_ipaddress { 192.0.2.10/24 }
}
)";

class Import : public OfflineCommand {
protected:
    static std::string content(const std::string& path) {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
    int import(const std::string& name, const Arguments& more = {}) {
        return execute(more, "import", {name});
    }
};

TEST_F(Import, WritesTheConfigurationAndTellsElsewhere) {
    const std::string name = file("k", good);
    EXPECT_EQ(import(name), exit_done);
    EXPECT_THAT(out(), HasSubstr("[vip VI_1]\n"));
    EXPECT_THAT(err(), HasSubstr(name + ":3: converted: virtual_router_id 51 -> vrid = 51\n"));
    EXPECT_THAT(err(), HasSubstr(name + ":6: note: smtp_alert: "));
    EXPECT_THAT(err(), HasSubstr("1 VIPs and 0 checks; 0 warnings and 0 errors\n"));
}

TEST_F(Import, KnowsWhoseLinesCount) {
    Arguments arguments;
    arguments.id = "two";
    arguments.quiet = true;
    EXPECT_EQ(import(file("k", good), arguments), exit_done);
    EXPECT_THAT(out(), HasSubstr("priority = 100\n"));
    EXPECT_THAT(err(), Not(HasSubstr("converted:")));
}

TEST_F(Import, WritesOverNothing) {
    Arguments arguments;
    arguments.output = file("there", "precious");
    EXPECT_EQ(import(file("k", good), arguments), exit_failed);
    EXPECT_EQ(content(path("there")), "precious");
    EXPECT_THAT(err(), HasSubstr("is there already"));
    arguments.force = true;
    EXPECT_EQ(import(file("k", good), arguments), exit_done);
    EXPECT_THAT(content(path("there")), HasSubstr("[vip VI_1]"));
    EXPECT_EQ(out(), "");
    arguments = {};
    arguments.output = path("new");
    EXPECT_EQ(import(file("k", good), arguments), exit_done);
    EXPECT_THAT(content(path("new")), HasSubstr("[vip VI_1]"));
}

TEST_F(Import, FailsWhereSomethingIsMissing) {
    EXPECT_EQ(import(path("nothing")), exit_failed);
    EXPECT_EQ(import(file("lvs", "virtual_server 192.0.2.10 80 {\n}\n")), exit_failed);
    EXPECT_THAT(err(), HasSubstr("there is no vrrp_instance that can be converted"));
    EXPECT_EQ(out(), "");
    EXPECT_EQ(import(file("half", std::string{good} + "vrrp_instance b {\n}\n")), exit_failed);
    EXPECT_THAT(out(), HasSubstr("[vip VI_1]"));
}

TEST_F(Import, IsOneDocument) {
    Arguments arguments;
    arguments.json = true;
    const std::string name = file("k", good);
    EXPECT_EQ(import(name, arguments), exit_done);
    const json document = json::parse(out());
    EXPECT_THAT(document["configuration"].get<std::string>(), HasSubstr("[vip VI_1]"));
    EXPECT_EQ(document["complete"], true);
    EXPECT_EQ(document["vips"], 1);
    EXPECT_EQ(document["notes"][0]["file"], name);
    EXPECT_EQ(document["notes"][0]["line"], 1);
    EXPECT_EQ(document["notes"][0]["severity"], "converted");
    EXPECT_EQ(err(), "");
}

}  // namespace
}  // namespace understudy::cli

// What people and programs get of the doctor's findings.
#include "agent/cli/present_findings.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace understudy::cli {
namespace {

using doctor::Findings;
using doctor::Severity;

const Findings some = {
    {Severity::ok, "kernel", "Linux 6.1", "", ""},
    {Severity::problem, "eth0 MTU", "576 bytes", "too small", "ip link set eth0 mtu 628"},
    {Severity::hint, "clock", "not synchronised\x1b[2J", "", ""},
};

TEST(PresentFindings, AlignsThemAndSaysWhatToDoUnderThoseThatNeedIt) {
    EXPECT_EQ(present_findings(some, false),
              "ok       kernel    Linux 6.1\n"
              "problem  eth0 MTU  576 bytes\n"
              "                   why: too small\n"
              "                   do:  ip link set eth0 mtu 628\n"
              "hint     clock     not synchronised?[2J\n"
              "\n"
              "1 problem, 0 warnings, 1 hint, 1 passed\n");
}

TEST(PresentFindings, AsOneDocument) {
    const auto document = nlohmann::json::parse(findings_document(some));
    EXPECT_EQ(document["problems"], 1);
    EXPECT_EQ(document["warnings"], 0);
    EXPECT_EQ(document["hints"], 1);
    EXPECT_EQ(document["passed"], 1);
    EXPECT_EQ(document["findings"][1],
              nlohmann::json::parse(R"({"severity":"problem","subject":"eth0 MTU",
                  "seen":"576 bytes","why":"too small","remedy":"ip link set eth0 mtu 628"})"));
}

}  // namespace
}  // namespace understudy::cli

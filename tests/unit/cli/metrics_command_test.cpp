// metrics: on stdout also where there is no agent, since what is collected into a file is read
// there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/cli/commands.hpp"
#include "tests/unit/cli/fake_agent.hpp"

namespace understudy::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
    int status = -1;
    std::string out;
    std::string err;
};

Outcome metrics(const std::filesystem::path& runtime_dir, const std::vector<std::string>& words) {
    Arguments arguments = *parse_arguments(words);
    arguments.runtime_dir = runtime_dir;
    std::ostringstream out;
    std::ostringstream err;
    const int status = run(arguments, Console{out, err});
    return {status, out.str(), err.str()};
}

void answer(FakeAgent::Client& client) {
    client.read_line();
    client.write(R"({"node":"lb1","vips":[{"name":"web","state":"backup"}],"checks":[]})"
                 "\n");
}

TEST(Metrics, AreTheTextForPrometheus) {
    const FakeAgent agent(answer);
    const Outcome outcome = metrics(agent.runtime_dir(), {"metrics"});
    EXPECT_EQ(outcome.status, exit_done);
    EXPECT_THAT(outcome.out, HasSubstr("\nunderstudy_up 1\n"));
    EXPECT_THAT(outcome.out, HasSubstr("understudy_vip_state{vip=\"web\",state=\"backup\"} 1\n"));
    EXPECT_THAT(outcome.out, Not(HasSubstr("# EOF")));
}

TEST(Metrics, AreOpenMetricsIfAskedFor) {
    const FakeAgent agent(answer);
    const Outcome outcome = metrics(agent.runtime_dir(), {"metrics", "--openmetrics"});
    EXPECT_EQ(outcome.status, exit_done);
    EXPECT_THAT(outcome.out, EndsWith("\n# EOF\n"));
}

TEST(Metrics, WithoutAnAgentSayThatItIsDown) {
    const TemporaryDirectory nobody;
    const Outcome outcome = metrics(nobody.path(), {"metrics"});
    EXPECT_EQ(outcome.status, exit_no_agent);
    EXPECT_THAT(outcome.out, HasSubstr("\nunderstudy_up 0\n"));
    EXPECT_THAT(outcome.out, Not(HasSubstr("understudy_vip")));
    EXPECT_THAT(outcome.err, HasSubstr("no agent answers"));
}

}  // namespace
}  // namespace understudy::cli

// `replay` needs no agent. What is decided is agent/record's business; here it is what is shown of
// it, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/cli/commands.hpp"
#include "agent/record/record.hpp"
#include "tests/unit/cli/fake_agent.hpp"

namespace understudy::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

constexpr TimePoint start{1000s};

class ReplayCommand : public testing::Test {
protected:
    std::string file(const std::string& name, const std::vector<std::string>& lines) const {
        const auto path = directory_.path() / name;
        std::ofstream out(path);
        for (const std::string& line : lines) {
            out << line << '\n';
        }
        return path.string();
    }
    static std::string header() {
        return record::to_line(
            {"0.1.0", "lb1", start, WallTime{1'700'000'000s},
             "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.1/24\n"});
    }
    static std::string link(std::uint64_t number, record::Decisions decisions = {}) {
        const core::LinkSeen link{2, "eth\x1b[31m", true, {}};
        return record::to_line(number, start + number * 1500us, link, decisions);
    }
    int replay(const std::vector<std::string>& files, bool as_json = false, bool quiet = false) {
        out_.str("");
        err_.str("");
        Arguments arguments;
        arguments.command = Command::replay;
        arguments.operands = files;
        arguments.json = as_json;
        arguments.quiet = quiet;
        const Console console{out_, err_};
        return run(arguments, console);
    }

    TemporaryDirectory directory_;
    std::ostringstream out_;
    std::ostringstream err_;
};

TEST_F(ReplayCommand, TellsTheStoryAndHowItEnded) {
    const std::string good = file("good", {header(), link(1), link(2)});
    EXPECT_EQ(replay({good}), exit_done);
    EXPECT_EQ(out_.str(),
              "lb1, understudyd 0.1.0, started 2023-11-14T22:13:20.000Z\n"
              "      0.001500  told   eth?[31m is up\n"
              "2 events, all decided as recorded\n");
    EXPECT_EQ(replay({good}, false, true), exit_done);
    EXPECT_EQ(out_.str(), "2 events, all decided as recorded\n");
}

TEST_F(ReplayCommand, SaysWhichEventIsDecidedOtherwise) {
    const std::string other = file("other", {header(), link(1), link(2, {3, 4})});
    EXPECT_EQ(replay({other}, false, true), exit_failed);
    EXPECT_EQ(out_.str(), "event 2 (" + other +
                              ":3) was decided otherwise: 3 actions were recorded, 0 are decided "
                              "now\n");
    EXPECT_EQ(replay({other}, true), exit_failed);
    const json document = json::parse(out_.str());
    EXPECT_EQ(document["as_recorded"], false);
    EXPECT_EQ(document["difference"]["event"], 2);
    EXPECT_EQ(document["difference"]["place"], other + ":3");
    EXPECT_EQ(document["story"].size(), 3U);
}

TEST_F(ReplayCommand, SaysThatAPartIsMissing) {
    const std::string rest = file("rest", {header(), link(5)});
    EXPECT_EQ(replay({rest}, false, true), exit_failed);
    EXPECT_THAT(out_.str(), HasSubstr("1 events, 0 of them decided again: the journal begins with "
                                      "event 5"));
}

TEST_F(ReplayCommand, SaysWhereALineIsNotUnderstood) {
    const std::string bad = file("bad", {header(), link(1), "tea"});
    EXPECT_EQ(replay({bad}), exit_usage);
    EXPECT_EQ(err_.str(), "understudy: " + bad + ":3: it is not valid JSON\n");
    EXPECT_EQ(replay({bad}, true), exit_usage);
    EXPECT_EQ(json::parse(out_.str())["error"], bad + ":3: it is not valid JSON");
    EXPECT_EQ(replay({"/nonexistent"}), exit_usage);
    EXPECT_THAT(err_.str(), HasSubstr("/nonexistent: cannot be read"));
    EXPECT_EQ(replay({directory_.path().string()}), exit_usage);
}

}  // namespace
}  // namespace understudy::cli

// `replay` needs no agent. What is decided is agent/record's business; here it is what is shown of
// it, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/record/record.hpp"
#include "tests/unit/cli/offline_command.hpp"

namespace understudy::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

constexpr TimePoint start{1000s};

class ReplayCommand : public OfflineCommand {
protected:
    std::string journal(const std::string& name, const std::vector<std::string>& lines) const {
        std::string text;
        for (const std::string& line : lines) {
            text += line + '\n';
        }
        return file(name, text);
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
        Arguments arguments;
        arguments.json = as_json;
        arguments.quiet = quiet;
        return execute(arguments, "replay", files);
    }
};

TEST_F(ReplayCommand, TellsTheStoryAndHowItEnded) {
    const std::string good = journal("good", {header(), link(1), link(2)});
    EXPECT_EQ(replay({good}), exit_done);
    EXPECT_EQ(out(),
              "lb1, understudyd 0.1.0, started 2023-11-14T22:13:20.000Z\n"
              "      0.001500  told   eth?[31m is up\n"
              "2 events, all decided as recorded\n");
    EXPECT_EQ(replay({good}, false, true), exit_done);
    EXPECT_EQ(out(), "2 events, all decided as recorded\n");
}

TEST_F(ReplayCommand, SaysWhichEventIsDecidedOtherwise) {
    const std::string other = journal("other", {header(), link(1), link(2, {3, 4})});
    EXPECT_EQ(replay({other}, false, true), exit_failed);
    EXPECT_EQ(out(), "event 2 (" + other +
                         ":3) was decided otherwise: 3 actions were recorded, 0 are decided "
                         "now\n");
    EXPECT_EQ(replay({other}, true), exit_failed);
    const json document = json::parse(out());
    EXPECT_EQ(document["as_recorded"], false);
    EXPECT_EQ(document["difference"]["event"], 2);
    EXPECT_EQ(document["difference"]["place"], other + ":3");
    EXPECT_EQ(document["story"].size(), 3U);
}

TEST_F(ReplayCommand, SaysThatAPartIsMissing) {
    const std::string rest = journal("rest", {header(), link(5)});
    EXPECT_EQ(replay({rest}, false, true), exit_failed);
    EXPECT_THAT(out(), HasSubstr("1 events, 0 of them decided again: the journal begins with "
                                 "event 5"));
}

TEST_F(ReplayCommand, SaysWhereALineIsNotUnderstood) {
    const std::string bad = journal("bad", {header(), link(1), "tea"});
    EXPECT_EQ(replay({bad}), exit_usage);
    EXPECT_EQ(err(), "understudy: " + bad + ":3: it is not valid JSON\n");
    EXPECT_EQ(replay({bad}, true), exit_usage);
    EXPECT_EQ(json::parse(out())["error"], bad + ":3: it is not valid JSON");
    EXPECT_EQ(replay({"/nonexistent"}), exit_usage);
    EXPECT_THAT(err(), HasSubstr("cannot read /nonexistent: No such file or directory"));
    EXPECT_EQ(replay({path(".")}), exit_usage);
}

}  // namespace
}  // namespace understudy::cli

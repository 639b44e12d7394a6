// A ring of small files, and what can be decided again from those that are left.
#include "agent/host/recording.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "agent/config/parse.hpp"
#include "agent/host/recorder.hpp"
#include "agent/record/replay.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using record::Replay;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr TimePoint start{1000s};

core::Configuration configuration() {
    return *config::parse_text("f",
                               "[agent]\nname = lb1\n"
                               "[vip web]\ninterface = eth0\nvrid = 51\n"
                               "address = 192.0.2.10/24\nadvert_interval = 100ms\n",
                               "lb1")
                .configuration;
}

// A Node alone on its network, and its journal.
class SmallRing : public testing::Test {
protected:
    SmallRing() {
        std::string path = testing::TempDir() + "recording-XXXXXX";
        dir_ = mkdtemp(path.data());
    }
    ~SmallRing() override { std::filesystem::remove_all(dir_); }

    Recording recording(Segments::Limits limits) const {
        const auto header = record::make_header(configuration(), start, {});
        return Recording{Segments{dir_, record::to_line(header), limits}};
    }
    void tell(Recording& recording, const core::Event& event) {
        outbox_.clear();
        node_.handle(now_, event, outbox_);
        const auto line = record::to_line(++number_, now_, event, record::decisions_of(outbox_));
        if (!loses_lines_) {
            said_ = recording.write(number_, line);
        }
        // As the heartbeat does it: with the event that follows the question.
        if (asked_) {
            ++states_;
            said_ = recording.write_state(number_ + 1, now_, node_);
        }
        asked_ = recording.asks_for_state(!is_busy_);
    }
    // Becomes active, and advertises so often.
    void lead(Recording& recording, int adverts) {
        tell(recording, core::ObservationStarted{});
        tell(recording, link_);
        tell(recording, address_);
        tell(recording, core::ObservationComplete{});
        tell(recording, core::ListenerOpened{{Family::ipv4, 2, true}});
        go_on(recording, adverts);
    }
    void go_on(Recording& recording, int adverts) {
        for (int i = 0; i < adverts; ++i) {
            now_ = std::max(now_, node_.next_deadline().value_or(now_));
            tell(recording, core::TimePassed{});
        }
    }
    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> all;
        for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
            all.push_back(entry.path());
        }
        std::ranges::sort(all);
        return all;
    }
    bool has_state() const {
        return std::ranges::any_of(files(), [](const auto& file) {
            std::stringstream text;
            text << std::ifstream(file).rdbuf();
            return text.str().contains("\"state_before\"");
        });
    }
    static record::Verdict judge(const std::vector<std::filesystem::path>& files) {
        Replay replay;
        for (const auto& file : files) {
            std::ifstream lines(file);
            for (std::string line; std::getline(lines, line);) {
                const auto taken = replay.take(line, file);
                EXPECT_TRUE(taken) << taken.error();
            }
        }
        return replay.verdict();
    }

    const core::LinkSeen link_{2, "eth0", true, {{2, 0, 0, 0, 0, 1}}};
    const core::AddressSeen address_{2, *IpPrefix::parse("192.0.2.1/24"), {}, {}, {}, {}};
    std::filesystem::path dir_;
    core::Node node_{configuration(), start};
    core::Outbox outbox_;
    TimePoint now_ = start;
    std::uint64_t number_ = 0;
    int states_ = 0;
    bool asked_ = false;
    bool loses_lines_ = false;
    bool is_busy_ = false;
    std::string said_;
};

TEST_F(SmallRing, IsDecidedAgainFromAnyOfItsFiles) {
    auto ring = recording({16 * 1024, 3});
    lead(ring, 1000);
    EXPECT_EQ(node_.summary(), "1 active");
    auto left = files();
    ASSERT_THAT(left, SizeIs(3));
    EXPECT_NE(left.front().filename(), "events-000001.jsonl");
    while (!left.empty()) {
        const auto verdict = judge(left);
        EXPECT_TRUE(verdict.is_as_recorded()) << verdict.shown_only;
        EXPECT_GT(verdict.decided, 0U);
        EXPECT_EQ(verdict.decided, verdict.events);
        left.erase(left.begin());
    }
}

TEST_F(SmallRing, AsksOnceForEachFile) {
    auto ring = recording({16 * 1024, 100});
    lead(ring, 1000);
    EXPECT_EQ(states_ + 1, static_cast<int>(files().size()));
    EXPECT_TRUE(judge(files()).is_as_recorded());
}

TEST_F(SmallRing, GoesOnAfterLinesWereLost) {
    auto ring = recording({1024 * 1024, 3});
    lead(ring, 20);
    loses_lines_ = true;
    go_on(ring, 5);
    loses_lines_ = false;
    is_busy_ = true;
    go_on(ring, 5);
    EXPECT_EQ(states_, 0);
    is_busy_ = false;
    go_on(ring, 10);
    EXPECT_EQ(states_, 1);
    const auto verdict = judge(files());
    EXPECT_THAT(verdict.shown_only, HasSubstr("are not there"));
    EXPECT_FALSE(verdict.first);
    EXPECT_EQ(verdict.events, 40U);
    EXPECT_EQ(verdict.decided, 25U + 8U);  // but for those until the state came
}

TEST_F(SmallRing, DoesNotAskWhileNothingCanBeWritten) {
    auto ring = recording({16 * 1024, 3});
    std::filesystem::remove_all(dir_);
    lead(ring, 20);
    EXPECT_THAT(said_, HasSubstr("cannot create"));
    EXPECT_EQ(states_, 0);
}

TEST_F(SmallRing, AStateThatFillsTheFileIsLeftAway) {
    auto ring = recording({2 * 1024, 100});
    lead(ring, 100);
    EXPECT_GT(states_, 0);
    const auto verdict = judge(files());
    EXPECT_TRUE(verdict.is_as_recorded()) << verdict.shown_only;
    EXPECT_EQ(verdict.events, 105U);
    EXPECT_THAT(judge({files().back()}).shown_only, HasSubstr("the journal begins with event"));
}

// A flood, of heartbeats here, takes the place of everything else in the ring.
TEST_F(SmallRing, transitions_outlive_a_flood_of_other_events) {
    {
        Recorder recorder{dir_, record::make_header(configuration(), start, {})};
        const auto record = [&](const core::Event& event) {
            outbox_.clear();
            node_.handle(now_, event, outbox_);
            recorder.record(now_, event, outbox_, node_);
        };
        record(core::ObservationStarted{});
        record(link_);
        record(address_);
        record(core::ObservationComplete{});
        record(core::ListenerOpened{{Family::ipv4, 2, true}});
        for (int i = 0; i < 20; ++i) {
            now_ = std::max(now_, node_.next_deadline().value_or(now_));
            record(core::TimePassed{});
        }
        ASSERT_EQ(node_.summary(), "1 active");
        const core::LinkSeen noise{3, std::string(390, 'x'), true, {}};
        // Lines that the writing thread cannot keep up with are lost, so their number alone proves
        // nothing.
        const auto first = dir_ / "events-000001.jsonl";
        bool was_there = false;
        bool is_there = false;
        for (int i = 0; i < 10'000'000 && (is_there || !was_there); ++i) {
            recorder.record(now_, noise, outbox_, node_);
            is_there = std::filesystem::exists(first);
            was_there = was_there || is_there;
        }
    }
    std::stringstream ring;
    for (const auto& file : files()) {
        if (std::filesystem::is_regular_file(file)) {
            ring << std::ifstream(file).rdbuf();
        }
    }
    EXPECT_THAT(ring.str(), testing::Not(HasSubstr(R"("interface":2,"name":"eth0")")));
    std::stringstream kept;
    kept << std::ifstream(dir_ / "transitions" / "events-000001.jsonl").rdbuf();
    EXPECT_THAT(kept.str(), HasSubstr(R"("to":"active")"));
    std::string line;
    for (int number = 0; std::getline(kept, line); ++number) {
        const auto read = record::parse_line(line);
        ASSERT_TRUE(read) << read.error();
        EXPECT_EQ(std::holds_alternative<record::Header>(*read), number == 0);
    }
}

// With the thread, and more at once than it may come to write. A state comes after lost lines, and
// if none were lost, a file is full.
TEST_F(SmallRing, ABurstLosesLinesAtMost) {
    {
        Recorder recorder{dir_, record::make_header(configuration(), start, {})};
        const auto record = [&](const core::Event& event) {
            outbox_.clear();
            node_.handle(now_, event, outbox_);
            recorder.record(now_, event, outbox_, node_);
        };
        record(core::ObservationStarted{});
        record(link_);
        record(address_);
        record(core::ObservationComplete{});
        record(core::ListenerOpened{{Family::ipv4, 2, true}});
        for (int i = 0; i < 60'000; ++i) {
            now_ = std::max(now_, node_.next_deadline().value_or(now_));
            record(core::TimePassed{});
        }
        EXPECT_EQ(node_.summary(), "1 active");
        for (int i = 0; i < 100 && !has_state(); ++i) {
            std::this_thread::sleep_for(20ms);
            record(core::TimePassed{});
        }
        record(core::TimePassed{});
    }
    EXPECT_TRUE(has_state());
    const auto verdict = judge(files());
    EXPECT_FALSE(verdict.first);
    EXPECT_GT(verdict.decided, 0U);
}

}  // namespace
}  // namespace understudy::host

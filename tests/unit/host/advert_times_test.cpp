// What the next agent learns of the last one's advertisements.
#include "agent/host/advert_times.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace understudy::host {
namespace {

using namespace std::chrono_literals;

class AdvertTimesTest : public testing::Test {
protected:
    AdvertTimesTest() {
        char name[] = "/tmp/understudy-adverts-XXXXXX";
        dir = mkdtemp(name);
    }
    ~AdvertTimesTest() override { std::filesystem::remove_all(dir); }
    std::filesystem::path file() const { return dir / "advert-times"; }

    std::filesystem::path dir;
    const TimePoint then{1000s};
};

TEST_F(AdvertTimesTest, the_next_agent_knows_when_the_last_advertisement_was_sent) {
    {
        AdvertTimes times{dir};
        EXPECT_FALSE(times.former(2, 51));
        times.sent(2, 51, then);
        times.sent(2, 52, then + 1s);
        times.sent(2, 51, then + 2s);
        times.sent(3, 51, then + 3s);
    }
    const AdvertTimes next{dir};
    EXPECT_EQ(next.former(2, 51), then + 2s);
    EXPECT_EQ(next.former(2, 52), then + 1s);
    EXPECT_EQ(next.former(3, 51), then + 3s);
    EXPECT_FALSE(next.former(3, 52));
}

// As after kill -9: nothing was closed or written.
TEST_F(AdvertTimesTest, it_is_there_without_an_orderly_end) {
    AdvertTimes* times = new AdvertTimes{dir};
    times->sent(2, 51, then);
    const AdvertTimes next{dir};
    EXPECT_EQ(next.former(2, 51), then);
    delete times;
}

TEST_F(AdvertTimesTest, an_agent_that_dies_before_it_has_advertised_keeps_what_it_was_told) {
    {
        AdvertTimes{dir}.sent(2, 51, then);
    }
    {
        AdvertTimes{dir}.sent(2, 52, then + 1s);
    }
    const AdvertTimes third{dir};
    EXPECT_EQ(third.former(2, 51), then);
    EXPECT_EQ(third.former(2, 52), then + 1s);
}

TEST_F(AdvertTimesTest, times_of_another_boot_and_other_content_are_not_believed) {
    {
        AdvertTimes{dir}.sent(2, 51, then);
    }
    {
        std::fstream content{file(), std::ios::in | std::ios::out | std::ios::binary};
        content.seekp(8);  // the boot's id follows the form
        content.write("another", 7);
    }
    EXPECT_FALSE(AdvertTimes{dir}.former(2, 51));
    {
        AdvertTimes{dir}.sent(2, 51, then);
    }
    std::filesystem::resize_file(file(), 100);
    EXPECT_FALSE(AdvertTimes{dir}.former(2, 51));
}

TEST_F(AdvertTimesTest, without_a_place_for_it_nothing_is_known) {
    AdvertTimes times{dir / "nowhere"};
    times.sent(2, 51, then);
    EXPECT_FALSE(AdvertTimes{dir / "nowhere"}.former(2, 51));
}

}  // namespace
}  // namespace understudy::host

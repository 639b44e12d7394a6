// serve: what it refuses before it begins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/cli/commands.hpp"

namespace understudy::cli {
namespace {

using testing::HasSubstr;

void refuses(const std::vector<std::string>& words, const std::string& why) {
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(run(*parse_arguments(words), Console{out, err}), exit_usage);
    EXPECT_THAT(err.str(), HasSubstr(why));
}

TEST(Serve, RefusesWhatIsNoAddress) {
    refuses({"serve", "--listen", "localhost:9112"}, "\"localhost:9112\" is no ADDR:PORT");
    refuses({"serve", "--listen", "127.0.0.1:0", "--listen", "9112"}, "\"9112\" is no ADDR:PORT");
}

TEST(Serve, RefusesWhatIsNoPeer) {
    refuses({"serve", "--peer", "lb2"}, "\"lb2\" is not like http://lb2:9112");
    std::vector<std::string> many = {"serve"};
    for (int i = 0; i < 16; ++i) {
        many.insert(many.end(), {"--peer", "http://lb" + std::to_string(i)});
    }
    refuses(many, "more than fifteen");
}

TEST(Serve, refuses_what_is_no_host) {
    refuses({"serve", "--host", "http://lb1"}, "\"http://lb1\" is not the name of a host");
}

TEST(Serve, OptionsOfOthersAreRefusedAndItsOwnElsewhere) {
    EXPECT_FALSE(parse_arguments({"serve", "--json"}));
    EXPECT_FALSE(parse_arguments({"serve", "web"}));
    EXPECT_FALSE(parse_arguments({"status", "--listen", "127.0.0.1:1"}));
    EXPECT_FALSE(parse_arguments({"status", "--peer", "http://lb2"}));
    EXPECT_FALSE(parse_arguments({"status", "--host", "lb1"}));
}

}  // namespace
}  // namespace understudy::cli

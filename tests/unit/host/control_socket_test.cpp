// The files of the control sockets: who may open them, what was there before, what is left.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/host/control_serving.hpp"

namespace understudy::host {
namespace {

using testing::HasSubstr;

TEST_F(ControlServerTest, BothSocketsAreRemovedAtTheEnd) {
    server_->offer_answers(status_path());
    EXPECT_TRUE(std::filesystem::exists(status_path()));
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_FALSE(std::filesystem::exists(status_path()));
}

TEST_F(ControlServerTest, TheSocketIsClosedToOthers) {
    struct stat file{};
    ASSERT_EQ(stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0007U, 0U);
}

TEST_F(ControlServerTest, TheSocketOfADeadAgentIsReplaced) {
    server_.reset();
    const FileDescriptor dead{socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_FALSE(Connection{path_}.is_connected());
    start();
    Connection client{path_};
    client.send(status);
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
}

TEST_F(ControlServerTest, error_names_the_refused_removal_and_not_that_the_place_is_taken) {
    try {
        const ControlServer refused{io_, "/proc/self/comm", {}, {}};  // removed by nobody
        FAIL() << "there is a socket";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(),
                     "control socket /proc/self/comm: cannot remove what is in its place: "
                     "Operation not permitted");
    }
}

TEST_F(ControlServerTest, whatever_is_in_the_place_of_the_socket_is_removed) {
    server_.reset();
    std::filesystem::create_directories(path_ / "a" / "b");
    std::filesystem::create_symlink("/etc/passwd", path_ / "a" / "link");
    start();
    {
        Connection client{path_};
        client.send(status);
        EXPECT_THAT(next_line(client), HasSubstr("as you say"));
    }
    server_.reset();
    std::filesystem::create_symlink("/etc", path_);
    start();
    EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
    Connection client{path_};
    client.send(status);
    EXPECT_THAT(next_line(client), HasSubstr("as you say"));
}

TEST_F(ControlServerTest, TheSocketIsRemovedAtTheEnd) {
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace understudy::host

// The client's end of the control socket. Nothing in it waits without a bound that the caller gave.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/control/access.hpp"

namespace understudy::client {

enum class Trouble : std::uint8_t {
    silent,     // nothing came in time; asking again goes on where this ended
    gone,       // the other end was closed, also in the middle of a line
    too_long,   // more bytes than any answer has, and no end of the line
    disturbed,  // the file descriptor that was to be watched meanwhile has something to say
};
std::string in_words(Trouble trouble);

// A descriptor that ends the waiting for a line, and with which poll(2) event. POLLERR and POLLHUP
// always do.
struct Disturbance {
    int fd = -1;
    short event = 0;
};

class Connection {
public:
    // An error says why no agent answers there. Who only asks is let in by the socket for that, or
    // else by the one for commands.
    static std::expected<Connection, std::string> open(const std::filesystem::path& runtime_dir,
                                                       std::chrono::milliseconds patience,
                                                       control::Access access);
    ~Connection();
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&&) = delete;

    // `line` without its end.
    std::expected<void, Trouble> send(const std::string& line, std::chrono::milliseconds patience);
    // The next line, without its end. No patience given: waits until something happens.
    std::expected<std::string, Trouble> receive(std::optional<std::chrono::milliseconds> patience,
                                                Disturbance disturbance = {});

private:
    explicit Connection(int fd) : fd_(fd) {}
    // 0, or the error.
    int connect_to(const std::string& path, std::chrono::milliseconds patience);
    std::optional<std::string> take_line();

    int fd_ = -1;
    std::string input_;
    std::size_t searched_ = 0;  // so many bytes of input_ have no end of a line
};

}  // namespace understudy::client

// The client's end of the control socket.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

namespace understudy::cli {

class Connection {
   public:
    // An error says why no agent answers there.
    static std::expected<Connection, std::string> open(const std::filesystem::path& runtime_dir);
    ~Connection();
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&&) = delete;

    // False: the agent has gone.
    bool send(const std::string& line) const;
    // The next line, without its end; nothing when the agent has gone, is silent for longer than `patience`,
    // or sends what is no line. Without `patience`: waits for ever.
    std::optional<std::string> receive(std::optional<std::chrono::milliseconds> patience);

   private:
    explicit Connection(int fd) : fd_(fd) {}

    int fd_ = -1;
    std::string input_;
};

}  // namespace understudy::cli

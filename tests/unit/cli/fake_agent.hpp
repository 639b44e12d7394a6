// Something that listens on a control socket in a directory of its own and follows a script: what a
// client must survive from an agent, a broken agent, or no agent.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <thread>

namespace understudy::cli {

class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

class FakeAgent {
public:
    // One client that has connected. Everything ends when the FakeAgent does.
    class Client {
    public:
        Client(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}
        // Without its end; empty if the client has gone.
        std::string read_line();
        // As it is: the end of the line is a part of `text`.
        void write(const std::string& text) const;
        // Until the client goes, or the FakeAgent ends.
        void wait_until_gone() const;

    private:
        int fd_;
        int stop_fd_;
        std::string input_;
    };
    using Script = std::function<void(Client&)>;

    // The script runs for each client, one after the other.
    explicit FakeAgent(Script script);
    ~FakeAgent();
    FakeAgent(const FakeAgent&) = delete;
    FakeAgent& operator=(const FakeAgent&) = delete;

    std::filesystem::path runtime_dir() const { return directory_.path(); }

private:
    void serve();

    TemporaryDirectory directory_;
    Script script_;
    int listener_ = -1;
    int stop_read_ = -1;
    int stop_write_ = -1;
    std::thread thread_;
};

}  // namespace understudy::cli

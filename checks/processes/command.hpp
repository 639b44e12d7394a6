// Runs one program for somebody else: no shell, another user, a clean environment, a bounded
// output.
//
// The caller keeps the time. Whatever happens to the caller, to the agent or to the program, a tree
// that is to be killed is killed: a guard process adopts every descendant of the program, also one
// that started a session of its own, and does not go before the last of them.
#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::checks {

enum class Tree {
    killed,  // nothing that the program started outlives it
    // What it left in the background lives on, unless it was killed for its time limit. As long as
    // this process lives it also takes, and forgets, what they write to their inherited output:
    // nobody could, and they would be killed for it (SIGPIPE).
    left,
};

struct CommandSpec {
    std::vector<std::string> argv;  // the program by its absolute path
    std::string user;               // whom it runs as; root only if that is what is written here
    Tree tree = Tree::killed;
    std::vector<std::string> environment = {};  // NAME=value, beside PATH
};

struct CommandResult {
    std::string error;           // it could not be started: "cannot become nobody: ..."
    int exit_code = -1;          // of a program that ended by itself
    int signal = 0;              // of one that was killed
    std::string output;          // what it wrote, the first 4000 bytes
    std::uint64_t left_out = 0;  // how many more there were
};

class Command {
public:
    using Done = std::function<void(const CommandResult&)>;

    // `done` is called once, from the loop, and may destroy this; also if nothing could be started.
    Command(boost::asio::io_context& context, const CommandSpec& spec, Done done);
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    // Ends it at once, if it still runs; waits the moment that this takes. What hangs in the kernel
    // is left to its fate, and the same command is not started again before it has ended.
    ~Command();

    // Asks it to go (SIGTERM), and kills it 500 ms later. `done` is called then.
    void expire();

private:
    std::string start(const CommandSpec& spec);
    std::string adopt(int output);
    void wait();
    void read_output();
    bool drain();
    void ended();
    void kill_now();
    std::string words_for_step(std::string_view step) const;
    CommandResult result() const;

    boost::asio::io_context& context_;
    Done done_;
    std::vector<std::string> argv_;
    std::string user_;
    bool guarded_ = false;
    pid_t pid_ = -1;  // of the guard, or of the program
    int status_ = 0;
    std::string start_error_;
    std::string output_;
    std::uint64_t left_out_ = 0;
    boost::asio::posix::stream_descriptor process_;  // a pidfd
    boost::asio::posix::stream_descriptor pipe_;     // its output
    int report_ = -1;                                // how starting went, and how it ended
    boost::asio::steady_timer farewell_;             // from SIGTERM to SIGKILL, without a guard
    bool term_sent_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>();  // a queued handler may outlive this
};

}  // namespace understudy::checks

// One end of the SOCK_SEQPACKET pair to another process of the agent, on an Asio loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace understudy::checks {

// The two ends, close-on-exec; throws std::runtime_error.
std::pair<int, int> make_channel();

// One message to the other side, which gets a descriptor of the same file with it. Never waits.
bool send_with_file(int channel, std::span<const std::byte> packet, int file);

class Channel {
public:
    using Packet = std::function<void(std::span<const std::byte>)>;
    using Closed = std::function<void()>;

    // Takes the descriptor over. `packet` is called for each message, `closed` once when the other
    // side is gone. Nothing is read before listen().
    Channel(boost::asio::io_context& context, int fd);
    void listen(Packet packet, Closed closed);

    // Nothing more is read, also of what has come already: it stays for another process that has
    // this end too.
    void stop_listening() { listening_ = false; }

    // Never waits: false if the other side does not read, or is gone.
    bool try_send(std::span<const std::byte> packet);
    // Waits while the other side does not read. False if it is gone.
    bool send(std::span<const std::byte> packet);
    bool try_send(std::span<const std::byte> packet, int file) {
        return send_with_file(fd(), packet, file);
    }
    // During `packet`: the descriptor that came with it, or -1. Whoever takes it closes it.
    int take_file() { return std::exchange(file_, -1); }
    int fd() { return descriptor_.native_handle(); }

private:
    void wait();
    bool read();

    boost::asio::posix::stream_descriptor descriptor_;
    Packet packet_;
    Closed closed_;
    std::vector<std::byte> buffer_;  // has room for the longest message
    bool listening_ = true;
    int file_ = -1;
};

}  // namespace understudy::checks

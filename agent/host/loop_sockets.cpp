// The part of Loop that opens VRRP sockets, listens to them, and closes them.
#include <utility>
#include <vector>

#include "agent/host/loop.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

// A multicast membership needs the lock that all changes of the network need, at its end as well.
void Loop::open_listener(const core::Listener& listener) {
    close_listener(listener);
    worker_.run([this, listener, attempt = attempts_[listener]] {
        return [this, listener, attempt, socket = VrrpSocket::open(listener)]() mutable {
            opened(listener, attempt, std::move(socket));
        };
    });
}

void Loop::opened(const core::Listener& listener, std::uint64_t attempt,
                  std::expected<VrrpSocket, std::string> socket) {
    if (attempts_[listener] != attempt) {  // closed meanwhile, or opened again
        close_elsewhere(socket ? std::optional{std::move(*socket)} : std::nullopt);
        return;
    }
    if (!socket) {
        feed(core::ListenerFailed{listener, socket.error()});
        return;
    }
    const int fd = sockets_.put(std::move(*socket));
    hear(listener, ears_.emplace(listener, stream_descriptor{io_, fd}).first->second);
    feed(core::ListenerOpened{listener});
}

void Loop::close_listener(const core::Listener& listener) {
    ++attempts_[listener];
    forget_ear(listener);
    close_elsewhere(sockets_.take(listener));
}

void Loop::close_elsewhere(std::optional<VrrpSocket> socket) {
    if (socket) {
        worker_.run([closed = std::move(socket)] { return KernelWorker::Done{}; });
    }
}

void Loop::forget_ear(const core::Listener& listener) {
    if (const auto ear = ears_.find(listener); ear != ears_.end()) {
        ear->second.release();
        ears_.erase(ear);
    }
}

void Loop::hear(const core::Listener& listener, stream_descriptor& ear) {
    ear.async_wait(stream_descriptor::wait_read, [this, listener](error_code error) {
        if (error) {
            return;
        }
        const TurnMeter::Turn turn(meter_, "an advertisement");
        receive(listener);
        after_round();
        if (const auto found = ears_.find(listener); found != ears_.end()) {
            hear(listener, found->second);
        }
    });
}

void Loop::hear_owners() {
    owners_ear_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) {
            return;
        }
        const TurnMeter::Turn turn(meter_, "an advertisement of an owner");
        receive_owners();
        after_round();
        hear_owners();
    });
}

void Loop::receive_owners() {
    sockets_.receive_owners([this](const core::Event& event) { feed(event); });
}

void Loop::receive(const core::Listener& listener) {
    const int error = sockets_.receive(listener, [this](const core::Event& event) { feed(event); });
    if (error != 0 && ears_.contains(listener)) {
        feed(core::ListenerFailed{listener, system_error_text("cannot receive", error)});
    }
}

// The peers are asked once there is a socket that hears what they have been keeping back, and again
// when there is an address to ask from, or another peer.
void Loop::introduce_after(const core::Event& event) {
    const auto introduce = [&](const core::Listener& listener) {
        worker_.run([this, listener, configuration = running_, kernel = introduction_.kernel(),
                     held = sockets_.held()] {
            introduction_.introduce(*configuration, kernel, held, listener.interface,
                                    listener.family);
            return KernelWorker::Done{};
        });
    };
    if (const auto* opened = std::get_if<core::ListenerOpened>(&event)) {
        introduce(opened->listener);
        return;
    }
    const bool has_come = introduction_.has_come(event);
    if (!has_come && !std::holds_alternative<core::ConfigurationChanged>(event)) {
        return;
    }
    const auto* seen = std::get_if<core::AddressSeen>(&event);
    for (const auto& [listener, ear] : ears_) {
        if (seen == nullptr || (listener.interface == seen->index &&
                                listener.family == seen->prefix.address.family())) {
            introduce(listener);
        }
    }
}

void Loop::read_sockets() {
    std::vector<core::Listener> listeners;
    for (const auto& [listener, ear] : ears_) {
        listeners.push_back(listener);
    }
    for (const core::Listener& listener : listeners) {
        receive(listener);
    }
    receive_owners();
}

}  // namespace understudy::host

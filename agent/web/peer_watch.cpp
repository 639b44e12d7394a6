#include "agent/web/peer_watch.hpp"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/control/json.hpp"

namespace understudy::web {

namespace {

using std::chrono::seconds;
using Document = nlohmann::ordered_json;

constexpr seconds every{1};
constexpr seconds connect_patience{1};
constexpr seconds read_patience{2};
constexpr seconds whole_patience{4};  // also for one that sends a byte now and then
constexpr seconds oldest{10};         // what is shown
constexpr std::size_t most_bytes = 16 * 1024 * 1024;

struct Fetched {
    control::StatusResponse status;
    std::string trouble;
};

Fetched fetch(httplib::Client& client) {
    const auto deadline = std::chrono::steady_clock::now() + whole_patience;
    std::string body;
    const auto answer = client.Get("/status.json", [&](const char* data, std::size_t size) {
        body.append(data, size);
        return body.size() <= most_bytes && std::chrono::steady_clock::now() < deadline;
    });
    if (!answer) {
        return {{}, "no answer: " + httplib::to_string(answer.error())};
    }
    auto response = control::parse_response(body, control::BootOrigin{});
    if (!response) {
        return {{}, response.error()};
    }
    if (auto* status = std::get_if<control::StatusResponse>(&*response)) {
        return {std::move(*status), ""};
    }
    const auto* error = std::get_if<control::ErrorResponse>(&*response);
    return {{}, error != nullptr ? error->text : "it answers something else"};
}

constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, std::string_view more) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return letters_and_digits.contains(c) || more.contains(c);
    });
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size();
}

// A scheme, a host, perhaps a port, and nothing else: no user, no path.
bool is_node_url(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos ||
        (url.substr(0, scheme) != "http" && url.substr(0, scheme) != "https")) {
        return false;
    }
    url.remove_prefix(scheme + 3);
    if (url.ends_with('/')) {
        url.remove_suffix(1);
    }
    if (url.starts_with('[')) {
        const auto end = std::min(url.find(']'), url.size() - 1);
        const std::string_view rest = url.substr(end + 1);
        return url[end] == ']' && consists_of(url.substr(1, end - 1), ":") &&
               (rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1))));
    }
    const auto colon = url.find(':');
    return consists_of(url.substr(0, colon), "-._") &&
           (colon == std::string_view::npos || is_port(url.substr(colon + 1)));
}

}  // namespace

PeerWatch::Watch::Watch(PeerWatch& peers) : peers_(peers) {
    const std::lock_guard lock(peers_.mutex_);
    ++peers_.watchers_;
    peers_.changed_.notify_all();
}

PeerWatch::Watch::~Watch() {
    const std::lock_guard lock(peers_.mutex_);
    --peers_.watchers_;
}

std::string PeerWatch::complaint_about(const std::string& url) {
    return is_node_url(url) ? "" : '"' + url + "\" is not like http://lb2:9112";
}

PeerWatch::PeerWatch(const std::vector<std::string>& urls) {
    for (std::string url : urls) {
        url = url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
        Peer& peer = peers_.emplace_back();
        peer.url = url;
        peer.client = std::make_unique<httplib::Client>(url);
        peer.client->set_connection_timeout(connect_patience);
        peer.client->set_read_timeout(read_patience);
        peer.client->set_write_timeout(read_patience);
    }
    for (Peer& peer : peers_) {
        peer.thread = std::thread([this, &peer] { run(peer); });
    }
}

PeerWatch::~PeerWatch() {
    stop();
    for (Peer& peer : peers_) {
        peer.thread.join();
    }
}

void PeerWatch::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_all();
    for (Peer& peer : peers_) {
        peer.client->stop();
    }
}

void PeerWatch::run(Peer& peer) {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        if (watchers_ == 0) {
            changed_.wait(lock, [&] { return stopped_ || watchers_ > 0; });
            continue;
        }
        lock.unlock();
        Fetched fetched = fetch(*peer.client);
        lock.lock();
        peer.status = std::move(fetched.status);
        peer.trouble = std::move(fetched.trouble);
        peer.answered = Clock::now();
        ++number_;
        changed_.wait_for(lock, every, [&] { return stopped_; });
    }
}

std::uint64_t PeerWatch::number() const {
    const std::lock_guard lock(mutex_);
    return number_;
}

std::string PeerWatch::document() const {
    Document all = Document::array();
    const std::lock_guard lock(mutex_);
    for (const Peer& peer : peers_) {
        const bool old = Clock::now() - peer.answered > oldest;
        const std::string trouble = old ? "has not answered yet" : peer.trouble;
        Document document = {{"url", peer.url}, {"trouble", trouble}};
        if (trouble.empty()) {
            document["node"] = peer.status.node;
            document["version"] = peer.status.version;
            document["maintenance"] = peer.status.maintenance;
            Document& vips = document["vips"] = Document::array();
            for (const control::VipStatus& vip : peer.status.vips) {
                const bool own = vip.state == control::State::active && vip.active;
                vips.push_back({{"name", vip.name},
                                {"state", control::name_of(vip.state)},
                                {"address", own ? vip.active->address : std::string{}}});
            }
        }
        all.push_back(std::move(document));
    }
    Document peers = Document::object();
    peers["peers"] = std::move(all);
    return peers.dump(-1, ' ', true, Document::error_handler_t::replace);
}

}  // namespace understudy::web

// A transfer of libcurl over a connection that is made here. So libcurl looks up nothing and
// connects to nothing: what it would do for that, it does in threads that it waits for when a
// transfer is taken back, and one dead address of several would have all the time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "checks/probes/connector.hpp"
#include "checks/probes/curl_transfer.hpp"
#include "checks/probes/resolver.hpp"

namespace understudy::checks {

class ConnectedTransfer {
public:
    // An empty error: it went well. May destroy this.
    using Done = std::function<void(const std::string& error)>;

    ConnectedTransfer(Resolver& resolver, CurlLoop& loop) : resolver_(resolver), loop_(loop) {}
    ConnectedTransfer(const ConnectedTransfer&) = delete;
    ConnectedTransfer& operator=(const ConnectedTransfer&) = delete;
    ~ConnectedTransfer();

    CurlTransfer& transfer() { return transfer_; }
    const CurlTransfer& transfer() const { return transfer_; }
    // `done` is called once, later, from the loop.
    void start(const Endpoint& target, Done done);
    std::string progress() const;
    // Since start().
    Timings timings() const;

private:
    void connected(const std::string& error);

    Resolver& resolver_;
    CurlLoop& loop_;
    std::shared_ptr<Connector> connector_;
    CurlTransfer transfer_;
    bool transferring_ = false;
    Duration begun_{};  // the transfer, after start()
    Done done_;
};

}  // namespace understudy::checks

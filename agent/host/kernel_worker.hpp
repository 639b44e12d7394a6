// The one thread of the heartbeat process that may wait for the kernel.
//
// A change of an address, of a multicast membership, or a list of all links needs a lock that the
// whole machine shares (RTNL). Any process can hold it for a while: an unprivileged user who makes
// interfaces in a user namespace delays everybody by hundreds of milliseconds. So the loop, which
// must not miss an advertisement, never asks for it: it hands such work to this thread, and what
// came of it comes back as an event of the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace understudy::host {

class KernelWorker {
public:
    // On the loop; may be empty.
    using Done = std::move_only_function<void()>;
    // In the thread. What it throws is thrown on the loop.
    using Work = std::move_only_function<Done()>;
    // In the thread, in portions, while there is nothing else to do. True: there is more.
    using Portion = std::move_only_function<bool()>;

    // How each Done is called on the loop: by itself, or with something around it.
    using Around = std::function<void(const std::function<void()>& done)>;
    explicit KernelWorker(
        boost::asio::io_context& io, Around around = [](const auto& done) { done(); });
    // As stop().
    ~KernelWorker();
    KernelWorker(const KernelWorker&) = delete;
    KernelWorker& operator=(const KernelWorker&) = delete;

    // One after the other, in this order.
    void run(Work work);
    // What hurries nobody; before the first go_on().
    void in_the_background(Portion portion);
    // There is something to do in the background.
    void go_on();

    // Returns when the work is done, but for what is in the background. Nothing is done after it.
    void stop();

private:
    void work();
    void next(std::unique_lock<std::mutex>& lock);

    boost::asio::io_context& io_;
    Around around_;
    std::mutex mutex_;  // of the next four
    std::condition_variable woken_;
    std::deque<Work> queue_;
    bool has_background_ = false;
    bool stopping_ = false;
    Portion background_;  // of the thread
    std::thread thread_;  // last: it uses the others
};

}  // namespace understudy::host

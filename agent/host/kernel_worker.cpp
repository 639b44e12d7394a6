#include "agent/host/kernel_worker.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "agent/host/privileges.hpp"

namespace understudy::host {

KernelWorker::KernelWorker(boost::asio::io_context& io, Around around)
    : io_(io), around_(std::move(around)), thread_([this] { work(); }) {
    pthread_setname_np(thread_.native_handle(), "us-kernel");
}

KernelWorker::~KernelWorker() {
    stop();
}

void KernelWorker::run(Work work) {
    {
        const std::scoped_lock lock(mutex_);
        queue_.push_back(std::move(work));
    }
    woken_.notify_one();
}

void KernelWorker::in_the_background(Portion portion) {
    background_ = std::move(portion);
}

void KernelWorker::go_on() {
    {
        const std::scoped_lock lock(mutex_);
        has_background_ = true;
    }
    woken_.notify_one();
}

void KernelWorker::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    woken_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void KernelWorker::work() {
    drop_privileges();
    std::unique_lock lock(mutex_);
    while (true) {
        woken_.wait(lock, [this] { return stopping_ || has_background_ || !queue_.empty(); });
        if (queue_.empty() && stopping_) {
            return;
        }
        next(lock);
    }
}

// Nothing that may wait happens with the lock held, not even the end of what the work owned: the
// loop needs it.
void KernelWorker::next(std::unique_lock<std::mutex>& lock) {
    Work work;
    if (queue_.empty()) {
        has_background_ = false;
    } else {
        work = std::move(queue_.front());
        queue_.pop_front();
    }
    lock.unlock();
    bool has_more = false;
    Done done;
    try {
        if (work) {
            done = work();
        } else {
            has_more = background_();
        }
    } catch (...) {
        done = [error = std::current_exception()] { std::rethrow_exception(error); };
    }
    work = nullptr;
    if (done) {
        // Asio copies some of its handlers.
        boost::asio::post(io_, [this, done = std::make_shared<Done>(std::move(done))] {
            around_([&] { (*done)(); });
        });
    }
    lock.lock();
    has_background_ = has_background_ || has_more;
}

}  // namespace understudy::host

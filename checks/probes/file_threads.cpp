#include "checks/probes/file_threads.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <utility>

#include "base/system_error.hpp"
#include "checks/probes/handle.hpp"
#include "checks/probes/immediate.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

// They only make system calls. The default of 8 MiB would count against the prober's limit.
constexpr std::size_t stack_size = 128 * 1024;
constexpr auto longest_idle = std::chrono::seconds{10};

struct Job {
    const void* asker = nullptr;
    FileThreads::Look look;
};

// What the threads and the loop share. A thread that hangs keeps it, and nothing else of them.
struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    std::size_t threads = 0;
    std::size_t busy = 0;                            // of them
    std::function<void(const void*, Outcome)> tell;  // to the loop; empty: that is gone
};

void work(Shared& shared) {
    std::unique_lock lock(shared.mutex);
    while (shared.changed.wait_for(lock, longest_idle, [&] {
        return !shared.jobs.empty() || !shared.tell;
    }) && shared.tell) {
        const Job job = std::move(shared.jobs.front());
        shared.jobs.pop_front();
        ++shared.busy;
        lock.unlock();
        Outcome outcome = job.look();
        lock.lock();
        --shared.busy;
        if (shared.tell) {
            shared.tell(job.asker, std::move(outcome));
        }
    }
    --shared.threads;
    shared.changed.notify_all();
}

void* thread_main(void* argument) {
    const std::unique_ptr<std::shared_ptr<Shared>> shared{
        static_cast<std::shared_ptr<Shared>*>(argument)};
    work(**shared);
    return nullptr;
}

// An empty text, or why there is none.
std::string start_thread(const std::shared_ptr<Shared>& shared) {
    pthread_attr_t attributes{};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack_size);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the loop
    auto argument = std::make_unique<std::shared_ptr<Shared>>(shared);
    pthread_t thread{};
    const int error = pthread_create(&thread, &attributes, thread_main, argument.get());
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        return system_error_text("cannot start a thread", error);
    }
    argument.release();
    return {};
}

}  // namespace

// The loop's side.
class FileThreads::Loop : public std::enable_shared_from_this<FileThreads::Loop> {
public:
    explicit Loop(boost::asio::io_context& context) : context_(context) {}

    void open() {
        shared_->tell = [this, weak = weak_from_this()](const void* asker, Outcome outcome) {
            boost::asio::post(context_, [weak, asker, outcome = std::move(outcome)] {
                if (const auto self = weak.lock()) {
                    self->came_back(asker, outcome);
                }
            });
        };
    }
    void close() {
        std::unique_lock lock(shared_->mutex);
        shared_->tell = nullptr;
        shared_->changed.notify_all();
        shared_->changed.wait(lock, [this] { return shared_->threads == shared_->busy; });
    }

    std::unique_ptr<Attempt> start(const void* asker, const std::string& path, Look look,
                                   Finish finish);

private:
    struct Waiting {
        Finish finish;
    };
    struct Looking {
        Stopwatch since;
        std::list<std::weak_ptr<Waiting>> waiting;
    };
    class LookAttempt;

    std::string begin(const void* asker, Look look);
    void came_back(const void* asker, const Outcome& outcome);
    std::string progress(const void* asker, const std::string& path) const;

    boost::asio::io_context& context_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    std::map<const void*, Looking> looking_;
};

class FileThreads::Loop::LookAttempt : public Attempt {
public:
    LookAttempt(std::shared_ptr<Loop> loop, const void* asker, std::string path,
                std::shared_ptr<Waiting> waiting)
        : loop_(std::move(loop)),
          asker_(asker),
          path_(std::move(path)),
          waiting_(std::move(waiting)) {}
    std::string progress() const override { return loop_->progress(asker_, path_); }

private:
    std::shared_ptr<Loop> loop_;
    const void* asker_;
    std::string path_;
    std::shared_ptr<Waiting> waiting_;  // destroyed with the attempt: its outcome is then dropped
};

std::unique_ptr<Attempt> FileThreads::Loop::start(const void* asker, const std::string& path,
                                                  Look look, Finish finish) {
    if (!looking_.contains(asker)) {
        if (const std::string error = begin(asker, std::move(look)); !error.empty()) {
            return std::make_unique<Immediate>(context_, failure(path + ": " + error),
                                               std::move(finish));
        }
    }
    auto waiting = std::make_shared<Waiting>(Waiting{std::move(finish)});
    auto& all = looking_[asker].waiting;
    all.remove_if([](const std::weak_ptr<Waiting>& each) { return each.expired(); });
    all.push_back(waiting);
    return std::make_unique<LookAttempt>(shared_from_this(), asker, path, std::move(waiting));
}

std::string FileThreads::Loop::begin(const void* asker, Look look) {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->threads - shared_->busy <= shared_->jobs.size()) {
        ++shared_->threads;
        if (std::string error = start_thread(shared_); !error.empty()) {
            --shared_->threads;
            return error;
        }
    }
    shared_->jobs.push_back({asker, std::move(look)});
    shared_->changed.notify_all();
    return {};
}

void FileThreads::Loop::came_back(const void* asker, const Outcome& outcome) {
    const auto node = looking_.extract(asker);
    if (node.empty()) {
        return;
    }
    for (const auto& each : node.mapped().waiting) {
        if (const auto waiting = each.lock()) {
            const Finish finish = std::move(waiting->finish);
            finish(outcome);
        }
    }
}

std::string FileThreads::Loop::progress(const void* asker, const std::string& path) const {
    const auto found = looking_.find(asker);
    if (found == looking_.end()) {
        return "about to tell";
    }
    return "looking at " + path + ", which has hung for " +
           milliseconds(found->second.since.elapsed()) + " (does its file system not answer?)";
}

FileThreads::FileThreads(boost::asio::io_context& context)
    : loop_(std::make_shared<Loop>(context)) {
    loop_->open();
}

FileThreads::~FileThreads() {
    loop_->close();
}

std::unique_ptr<Attempt> FileThreads::start(const void* asker, const std::string& path, Look look,
                                            Finish finish) {
    return loop_->start(asker, path, std::move(look), std::move(finish));
}

}  // namespace understudy::checks

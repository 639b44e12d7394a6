// Looks at files in threads beside the loop. A file system that hangs (NFS, FUSE) keeps the thread
// that looks, often beyond the reach of a signal; it costs the check that is about it, and no
// other.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "checks/processes/attempt.hpp"

namespace understudy::checks {

class FileThreads {
public:
    // Called in a thread: it has copies of what it needs.
    using Look = std::function<Outcome()>;

    explicit FileThreads(boost::asio::io_context& context);
    FileThreads(const FileThreads&) = delete;
    FileThreads& operator=(const FileThreads&) = delete;
    // Does not wait for looks that hang.
    ~FileThreads();

    // One look at `path`, for whoever `asker` is. As long as an asker's former look hangs there is
    // no second one: what the former brings is the outcome. So there are never more threads than
    // askers, which are the checks of one configuration.
    std::unique_ptr<Attempt> start(const void* asker, const std::string& path, Look look,
                                   Finish finish);

private:
    class Loop;
    std::shared_ptr<Loop> loop_;
};

}  // namespace understudy::checks

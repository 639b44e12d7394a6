// Makes EMFILE happen.
#pragma once

#include <sys/resource.h>

namespace understudy {

// No further descriptor can be opened while this lives, or only those whose number is below `most`.
class NoDescriptors {
public:
    explicit NoDescriptors(rlim_t most = 0) {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit limit{most, before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

}  // namespace understudy

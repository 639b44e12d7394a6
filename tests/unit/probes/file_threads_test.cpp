// Looks at files that hang.
#include "checks/probes/file_threads.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::HasSubstr;

// Looks wait here until it is opened.
class Gate {
public:
    void open() {
        const std::scoped_lock lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

Outcome passed(const std::string& detail) {
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = detail;
    return outcome;
}

class FileThreadsTest : public Probing {
protected:
    std::unique_ptr<Attempt> look(const void* asker, FileThreads::Look how) {
        return threads.start(asker, "/mnt/x", std::move(how), keep());
    }
    FileThreads::Look hanging() {
        return [this] {
            ++begun;
            gate->pass();
            return passed("at last");
        };
    }

    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    std::atomic<int> begun = 0;
    int one = 0;
    int other = 0;
    FileThreads threads{context};
};

TEST_F(FileThreadsTest, look_that_hangs_holds_up_no_other) {
    const auto stuck = look(&one, hanging());
    ASSERT_TRUE(run_until([this] { return begun == 1; }));
    for (int i = 0; i < 3; ++i) {
        outcome_.reset();
        const auto quick = look(&other, [] { return passed("there"); });
        EXPECT_EQ(wait().detail, "there");
    }
    EXPECT_THAT(stuck->progress(), HasSubstr("looking at /mnt/x, which has hung for "));
    gate->open();
    outcome_.reset();
    EXPECT_EQ(wait().detail, "at last");
}

TEST_F(FileThreadsTest, run_after_one_that_hangs_begins_no_second_look_and_gets_its_outcome) {
    auto first = look(&one, hanging());
    ASSERT_TRUE(run_until([this] { return begun == 1; }));
    first.reset();  // its time is over
    auto second = look(&one, hanging());
    second.reset();
    const auto third = look(&one, hanging());
    gate->open();
    EXPECT_EQ(wait().detail, "at last");
    EXPECT_EQ(begun, 1);
    outcome_.reset();
    const auto fourth = look(&one, hanging());
    EXPECT_EQ(wait().detail, "at last");
    EXPECT_EQ(begun, 2);
}

TEST_F(FileThreadsTest, look_that_hangs_does_not_hold_up_the_end) {
    struct Kept {
        std::shared_ptr<Gate> gate = std::make_shared<Gate>();
        std::atomic<bool> begun = false;
        std::atomic<bool> over = false;
    };
    const auto kept = std::make_shared<Kept>();  // the thread outlives this
    {
        FileThreads own(context);
        const auto attempt = own.start(
            &one, "/mnt/x",
            [kept] {
                kept->begun = true;
                kept->gate->pass();
                kept->over = true;
                return Outcome{};
            },
            keep());
        ASSERT_TRUE(run_until([&] { return kept->begun.load(); }));
    }
    kept->gate->open();
    EXPECT_TRUE(run_until([&] { return kept->over.load(); }));
    context.run_for(std::chrono::milliseconds{20});
    EXPECT_FALSE(outcome_);
}

}  // namespace
}  // namespace understudy::checks

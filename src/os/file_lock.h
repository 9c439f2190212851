// One process at a time: an advisory lock that the system drops when its holder ends, however it
// ends.
#pragma once

#include <string>

namespace ceiling::os {

class FileLock {
 public:
  // Locks an existing file. Throws Error(refused) if another process holds it ("what" names what is
  // being done there, for the message), Error(failed) if the file cannot be opened.
  FileLock(const std::string& path, const std::string& what);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace ceiling::os

#!/bin/sh
# run_as_shipped.sh EXERCISE PROGRAM: runs the program, unless somebody is at work on the exercise.
#
# CI proves that every exercise fails as it is shipped. A reader who has solved one has not broken anything, so where
# git knows that the file was edited the test is skipped (status 77). Where there is no git, it is as it was shipped.
git diff --quiet HEAD -- "$1" 2>/dev/null
if [ $? -eq 1 ]; then
  echo "$1 was edited here"
  exit 77
fi
"$2"
